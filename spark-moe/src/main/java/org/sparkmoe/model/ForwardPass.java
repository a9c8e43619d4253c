package org.sparkmoe.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.moe.MoeOutput;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.SegmentTape;

/** One forward pass through the blocks: its tape, its shape, and what its MoE layers leave. */
final class ForwardPass {
  private final SegmentTape tape;
  private final BatchShape shape;
  private final StepContext context;
  private final List<Tensor> auxLosses = new ArrayList<>();
  private final List<RoutingStats> routing = new ArrayList<>();

  ForwardPass(SegmentTape tape, BatchShape shape, StepContext context) {
    this.tape = tape;
    this.shape = shape;
    this.context = context;
  }

  SegmentTape tape() {
    return tape;
  }

  BatchShape shape() {
    return shape;
  }

  StepContext context() {
    return context;
  }

  /** Runs {@code part} now, and again when its backward begins. */
  Tensor recompute(Sublayer part, Tensor residualSM) {
    Tensor[] outputs =
        tape.recompute(
            new Tensor[] {residualSM},
            (run, inputs) -> {
              ForwardPass pass = new ForwardPass(run, shape, context);
              Tensor outputSM = part.apply(inputs[0], pass);
              if (!run.isAgain()) {
                routing.addAll(pass.routing);
              }
              return Stream.concat(Stream.of(outputSM), pass.auxLosses.stream())
                  .toArray(Tensor[]::new);
            });
    auxLosses.addAll(Arrays.asList(outputs).subList(1, outputs.length));
    return outputs[0];
  }

  /** Takes in what an MoE layer leaves beside its output. */
  void add(MoeOutput output) {
    auxLosses.add(output.auxLoss());
    routing.add(output.stats());
  }

  /** Of the MoE layers so far, in order. */
  List<RoutingStats> routing() {
    return routing;
  }

  /**
   * Sum of the auxiliary losses so far.
   *
   * @param zero scalar of their type
   */
  Tensor auxLoss(Tensor zero) {
    if (auxLosses.isEmpty()) {
      return zero;
    }
    Tensor[] terms = auxLosses.toArray(Tensor[]::new);
    return tape.compute(
            terms, leaves -> new Tensor[] {torch.stack(new TensorVector(leaves)).sum()})[0];
  }
}
