/**
 * Measures what a job's own communicators and matrix products cost and fits cost models to it
 * (paper §4.1, §6.2). Collective: all ranks measure together and get the same models.
 */
@NullMarked
package org.sparkmoe.profile;

import org.jspecify.annotations.NullMarked;
