package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.moe.ExpertVisit.Ordered;
import org.sparkmoe.moe.Router.Routed;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;

/**
 * What an MoE layer computes with tokens before and after its experts, of any size, for a profiler.
 * Tokens are zero, so backward adds nothing to gradients. All ranks run it at the same time.
 */
public final class RoutingTrial {
  private final MoeLayer.Modules modules;
  private final UnaryOperator<Tensor> norm;

  RoutingTrial(MoeLayer.Modules modules, UnaryOperator<Tensor> norm) {
    this.modules = modules;
    this.norm = norm;
  }

  private record Sent(Tensor tokens, Routed routed, Ordered ordered) {}

  /** {@code tokens}, and so many more that they are whole routing groups. */
  public long whole(long tokens) {
    long group = modules.router().config().groupTokens(tokens);
    return (tokens + group - 1) / group * group;
  }

  /**
   * Norm, gate and order.
   *
   * @param tokensSM {@code [S, M]} zeros, S {@linkplain #whole whole}
   * @param backward whether to run backward as well
   */
  public Runnable gate(Tensor tokensSM, boolean backward) {
    return () ->
        run(
            () -> {
              SegmentTape tape = new SegmentTape();
              Sent sent = send(tape, tokensSM);
              if (backward) {
                List<Tensor> left = new ArrayList<>(List.of(sent.ordered().buffer()));
                left.addAll(List.of(sent.routed().routing().differentiable()));
                backward(tape, left);
              }
            });
  }

  /** Inverse order, what the layer adds to it, and the sum with the tokens. */
  public Runnable inverseOrder(Tensor tokensSM, boolean backward) {
    Sent sent;
    try (AutoGradMode off = new AutoGradMode(false)) {
      sent = send(SegmentTape.withoutHistory(), tokensSM);
    }
    Tensor results = torch.zeros_like(sent.ordered().buffer());
    LayerHooks none = new LayerHooks(List.of(), modules.layer(), context(tokensSM), false);
    return () ->
        run(
            () -> {
              SegmentTape tape = new SegmentTape();
              Tensor output = ExpertVisit.inverse(tape, results, sent.ordered());
              output = modules.completed(tape, output, sent.tokens(), sent.routed(), none);
              Tensor sum =
                  tape.compute(
                          new Tensor[] {tokensSM, output}, in -> new Tensor[] {in[0].add(in[1])})[
                      0];
              if (backward) {
                backward(tape, List.of(sum));
              }
            });
  }

  private static StepContext context(Tensor tokensSM) {
    return StepContext.evaluation(tokensSM.size(0));
  }

  private Sent send(SegmentTape tape, Tensor tokensSM) {
    Tensor normed = tape.compute(tokensSM, norm);
    GateStep step = modules.router().step(tape, context(tokensSM), tokensSM.size(0), 1);
    Routed routed = modules.router().route(tape, normed, step);
    Ordered ordered = modules.visit().orderBesideOthers(tape, normed, routed.routing());
    return new Sent(normed, routed, ordered);
  }

  private static void backward(SegmentTape tape, List<Tensor> outputs) {
    Tensor[] zeros = outputs.stream().map(torch::zeros_like).toArray(Tensor[]::new);
    tape.backward(outputs.toArray(Tensor[]::new), zeros);
  }

  private static void run(Runnable body) {
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      body.run();
    }
  }
}
