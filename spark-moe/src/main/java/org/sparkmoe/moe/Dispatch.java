package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;

/**
 * An AlltoAll over the expert-parallel group, used for dispatch, for combine, and for the adjoint
 * of both (which are AlltoAll again). May be called from a communication lane; blocks until done.
 */
public interface Dispatch {

  /**
   * Even: block i of {@code input} goes to rank i of the group.
   *
   * @param output {@code [N_EP·n, ...]} contiguous; block i comes from rank i
   * @param input {@code [N_EP·n, ...]} contiguous, of the same dtype
   */
  void exchange(Tensor output, Tensor input);

  /**
   * Uneven over rows.
   *
   * @param output {@code [sum(outputRows), ...]} contiguous
   * @param input {@code [sum(inputRows), ...]} contiguous, of the same dtype
   * @param outputRows rows that come from each rank
   * @param inputRows rows that go to each rank
   */
  void exchange(Tensor output, Tensor input, long[] outputRows, long[] inputRows);
}
