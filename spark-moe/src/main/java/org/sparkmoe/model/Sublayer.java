package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.MoeLayer;
import org.sparkmoe.moe.MoeOutput;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;

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
      // A scope of its own frees what autograd does not need to keep.
      Tensor partialTM =
          tape.compute(normedTM, x -> TensorScope.compute(() -> function.partial(x, pass.shape())));
      Tensor sumSM = tokens.reduceScatter(tape, partialTM);
      return tape.compute(
              new Tensor[] {residualSM, sumSM}, in -> new Tensor[] {function.addTo(in[0], in[1])})[
          0];
    };
  }

  /** Experts, which take the rank's own tokens. */
  static Sublayer moe(Norm norm, MoeLayer layer) {
    return (residualSM, pass) -> {
      SegmentTape tape = pass.tape();
      Tensor normedSM = tape.compute(residualSM, norm::apply);
      MoeOutput moe = layer.forward(tape, normedSM, pass.context());
      pass.add(moe);
      return tape.compute(
              new Tensor[] {residualSM, moe.output()}, in -> new Tensor[] {in[0].add(in[1])})[0];
    };
  }
}
