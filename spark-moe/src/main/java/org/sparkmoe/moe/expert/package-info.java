/** The built-in modules of {@code moe.expert}, one class each, found through their provider. */
@NullMarked
package org.sparkmoe.moe.expert;

import org.jspecify.annotations.NullMarked;
