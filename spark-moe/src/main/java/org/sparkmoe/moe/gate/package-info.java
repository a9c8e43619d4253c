/** The built-in modules of {@code moe.gate}, one class each, found through their provider. */
@NullMarked
package org.sparkmoe.moe.gate;

import org.jspecify.annotations.NullMarked;
