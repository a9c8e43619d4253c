/** The worked example of {@code docs/manual/new-gate.md}. */
@NullMarked
package org.sparkmoe.example;

import org.jspecify.annotations.NullMarked;
