package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;

/**
 * Attention or dense feed-forward, of which each rank of the model-parallel group holds a shard:
 * heads or hidden units. It sees all tokens and gives a partial sum.
 */
interface ShardedSublayer {

  /**
   * This rank's part of the sum.
   *
   * @param tokensTM {@code [T, M]}, all tokens of the batch
   * @return {@code [T, M]}
   */
  Tensor partial(Tensor tokensTM, BatchShape shape);

  /**
   * Adds the sublayer to the residual stream, after its parts were summed: what must happen once
   * and not on every rank, such as adding a bias, happens here.
   *
   * @param residualSM {@code [S, M]}
   * @param sumSM {@code [S, M]}
   * @return {@code [S, M]}
   */
  Tensor addTo(Tensor residualSM, Tensor sumSM);
}
