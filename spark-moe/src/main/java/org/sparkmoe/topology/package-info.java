@NullMarked
package org.sparkmoe.topology;

import org.jspecify.annotations.NullMarked;
