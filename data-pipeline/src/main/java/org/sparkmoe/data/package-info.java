@NullMarked
package org.sparkmoe.data;

import org.jspecify.annotations.NullMarked;
