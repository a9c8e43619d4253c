/** The built-in modules of {@code moe.order}, one class each, found through their provider. */
@NullMarked
package org.sparkmoe.moe.order;

import org.jspecify.annotations.NullMarked;
