/**
 * Where tasks run side by side: a {@link org.sparkmoe.lane.Lane} runs its tasks in issue order, an
 * {@link org.sparkmoe.lane.Event} tells when one of them is complete.
 *
 * <pre>
 *   CpuLane      a thread
 *   StreamLane   a stream of a Gpu: CudaGpu
 * </pre>
 *
 * <p>{@link org.sparkmoe.lane.Lanes} makes either, for code that runs on both.
 */
@NullMarked
package org.sparkmoe.lane;

import org.jspecify.annotations.NullMarked;
