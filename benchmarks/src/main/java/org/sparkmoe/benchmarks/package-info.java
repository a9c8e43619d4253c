/** What is measured, and against what: each benchmark has a bound or an alternative beside it. */
@NullMarked
package org.sparkmoe.benchmarks;

import org.jspecify.annotations.NullMarked;
