/**
 * Measures what a job's own communicators and matrix products cost and fits cost models to it
 * (paper §4.1, §6.2). Collective: all ranks measure together and get the same models.
 *
 * <p>{@link org.sparkmoe.profile.KernelTimes} measures one machine: kernels against what its memory
 * and its matrix units do at best.
 */
@NullMarked
package org.sparkmoe.profile;

import org.jspecify.annotations.NullMarked;
