package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.SegmentTape;

/** Half a block: a norm, a function of the tokens, and its sum with the residual stream. */
@FunctionalInterface
interface Sublayer {

  /**
   * @param residualSM {@code [S, M]} on the pass's tape
   * @return {@code [S, M]} on the tape
   */
  Tensor apply(Tensor residualSM, ForwardPass pass);

  /** Attention or dense feed-forward, sharded over the model-parallel group. */
  static Sublayer sharded(Norm norm, SequenceParallel tokens, ShardedSublayer function) {
    return (residualSM, pass) -> {
      SegmentTape tape = pass.tape();
      Tensor normedSM = tape.compute(residualSM, norm::apply);
      Tensor normedTM = tokens.allGather(tape, normedSM);
      Tensor partialTM = tape.compute(normedTM, x -> function.partial(x, pass.shape()));
      Tensor sumSM = tokens.reduceScatter(tape, partialTM);
      return tape.compute(
              new Tensor[] {residualSM, sumSM}, in -> new Tensor[] {function.addTo(in[0], in[1])})[
          0];
    };
  }
}
