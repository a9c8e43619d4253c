package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.SegmentTape;

/** From the last block's residual stream to logits and loss. */
record ModelOutput(Norm finalNorm, OutputHead head) {

  /** {@code [S, M]} to {@code [S, M]}. */
  Tensor hidden(SegmentTape tape, Tensor residualSM) {
    return tape.compute(residualSM, finalNorm::apply);
  }

  /** As {@link OutputHead#lossSum}. */
  Tensor lossSum(SegmentTape tape, Tensor residualSM, Tensor targetsS) {
    return head.lossSum(tape, hidden(tape, residualSM), targetsS);
  }

  /** {@code [..., M]} of {@link #hidden} to {@code [..., V]}, without history. */
  Tensor logits(Tensor hidden) {
    return head.logits(hidden);
  }
}
