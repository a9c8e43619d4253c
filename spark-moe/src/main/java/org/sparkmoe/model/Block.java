package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;

/**
 * One block of the decoder.
 *
 * @param isMoe whether {@code feedForward} is an MoE layer
 */
record Block(Sublayer attention, Sublayer feedForward, boolean isMoe) {

  /**
   * @param residualSM {@code [S, M]} on the pass's tape
   * @return {@code [S, M]} on the tape
   */
  Tensor apply(Tensor residualSM, ForwardPass pass, Recomputation recomputed) {
    return switch (recomputed) {
      case NONE -> whole(residualSM, pass);
      case MOE -> {
        Tensor attendedSM = attention.apply(residualSM, pass);
        yield isMoe ? pass.recompute(feedForward, attendedSM) : feedForward.apply(attendedSM, pass);
      }
      case BLOCK -> pass.recompute(this::whole, residualSM);
    };
  }

  private Tensor whole(Tensor residualSM, ForwardPass pass) {
    return feedForward.apply(attention.apply(residualSM, pass), pass);
  }
}
