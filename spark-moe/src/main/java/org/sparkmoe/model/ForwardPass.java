package org.sparkmoe.model;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.moe.MoeOutput;
import org.sparkmoe.moe.RoutingCounts;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.SegmentTape;

/** One forward pass through the blocks: its tape, its shape, and what its MoE layers leave. */
final class ForwardPass {
  private final SegmentTape tape;
  private final BatchShape shape;
  private final StepContext context;
  private final List<Tensor> auxLosses = new ArrayList<>();
  private final List<RoutingCounts> routing = new ArrayList<>();

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
    List<RoutingCounts> counted = new ArrayList<>();
    Tensor[] outputs =
        tape.recompute(
            new Tensor[] {residualSM},
            (run, inputs) -> {
              ForwardPass pass = new ForwardPass(run, shape, context);
              Tensor outputSM = part.apply(inputs[0], pass);
              if (!run.isAgain()) {
                counted.addAll(pass.routing);
              }
              return Stream.of(
                      Stream.of(outputSM),
                      pass.auxLosses.stream(),
                      pass.routing.stream().map(RoutingCounts::sums))
                  .flatMap(tensors -> tensors)
                  .toArray(Tensor[]::new);
            });
    int layers = counted.size();
    for (int i = 0; i < layers; i++) {
      auxLosses.add(outputs[1 + i]);
      routing.add(counted.get(i).with(outputs[1 + layers + i]));
    }
    return outputs[0];
  }

  /** Takes in what an MoE layer leaves beside its output. */
  void add(MoeOutput output) {
    auxLosses.add(output.auxLoss());
    routing.add(output.routing());
  }

  /** Of the MoE layers so far, in order. */
  List<RoutingCounts> routing() {
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
