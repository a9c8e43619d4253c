@NullMarked
package org.sparkmoe.schedule.graph;

import org.jspecify.annotations.NullMarked;
