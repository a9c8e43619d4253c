/** The built-in modules of {@code moe.hooks}, one class each, found through their provider. */
@NullMarked
package org.sparkmoe.moe.hook;

import org.jspecify.annotations.NullMarked;
