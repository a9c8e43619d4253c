/** The built-in modules of {@code moe.dispatch}, one class each, found through their provider. */
@NullMarked
package org.sparkmoe.moe.dispatch;

import org.jspecify.annotations.NullMarked;
