/** The command line: one class for each command. */
@NullMarked
package org.sparkmoe.app;

import org.jspecify.annotations.NullMarked;
