@NullMarked
package org.sparkmoe.tensor;

import org.jspecify.annotations.NullMarked;
