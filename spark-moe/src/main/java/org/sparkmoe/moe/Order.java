package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.SegmentTape;

/**
 * Puts tokens into expert order and back. Both directions record themselves on the tape, by {@link
 * SegmentTape#compute} for plain torch operations, by {@link SegmentTape#record} with an adjoint of
 * their own otherwise.
 */
public interface Order {

  /**
   * @param tokensSM {@code [S, M]} of the compute type
   * @return {@code [E, C, M]} of the same type, contiguous; empty places are zero
   */
  Tensor order(SegmentTape tape, Tensor tokensSM, Routing routing);

  /**
   * @param bufferECM {@code [E, C, M]} of the compute type
   * @return {@code [S, M]} of the same type: for each token the weighted sum of its places
   */
  Tensor inverse(SegmentTape tape, Tensor bufferECM, Routing routing);
}
