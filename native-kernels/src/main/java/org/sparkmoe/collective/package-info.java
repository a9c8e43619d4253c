@NullMarked
package org.sparkmoe.collective;

import org.jspecify.annotations.NullMarked;
