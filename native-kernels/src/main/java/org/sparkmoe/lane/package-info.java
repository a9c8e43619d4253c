/**
 * Where tasks run side by side: a {@link org.sparkmoe.lane.Lane} runs its tasks in issue order, an
 * {@link org.sparkmoe.lane.Event} tells when one of them is complete.
 *
 * <pre>
 *   CpuLane      a thread
 *   StreamLane   a stream of a Gpu: CudaGpu
 * </pre>
 */
@NullMarked
package org.sparkmoe.lane;

import org.jspecify.annotations.NullMarked;
