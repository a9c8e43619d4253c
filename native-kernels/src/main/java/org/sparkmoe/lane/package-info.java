@NullMarked
package org.sparkmoe.lane;

import org.jspecify.annotations.NullMarked;
