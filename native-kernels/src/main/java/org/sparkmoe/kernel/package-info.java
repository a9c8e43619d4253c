@NullMarked
package org.sparkmoe.kernel;

import org.jspecify.annotations.NullMarked;
