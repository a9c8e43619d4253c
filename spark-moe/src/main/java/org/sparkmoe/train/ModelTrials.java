package org.sparkmoe.train;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.model.AttentionTrial;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.moe.Expert;
import org.sparkmoe.moe.ExpertPass;
import org.sparkmoe.moe.MoeLayer;
import org.sparkmoe.moe.RoutingTrial;
import org.sparkmoe.profile.ComputeTrials;
import org.sparkmoe.tensor.TensorScope;

/**
 * Experts, attention, gate and order as the model runs them, on zeros: what their backward adds to
 * gradients is zero.
 */
record ModelTrials(
    MoeLayer layer, AttentionTrial attention, RoutingTrial routing, AttentionTrial.Like like)
    implements ComputeTrials {

  /** Those of a model with at least one MoE layer. */
  static ModelTrials of(LanguageModel model) {
    return new ModelTrials(
        model.moeLayers().get(0),
        model.attentionTrial(),
        model.flow().routingTrial(),
        model.activations());
  }

  @Override
  public String name() {
    return "modules in %s on %s".formatted(like.type(), like.device().is_cuda() ? "GPU" : "CPU");
  }

  @Override
  public Device device() {
    return like.device();
  }

  @Override
  public Trial expert(long rows) {
    int count = layer.localExperts();
    long each = Math.max(1, rows / count);
    Tensor inputERM = like.zeros(count * each).view(count, each, -1);
    Tensor outputERM = torch.empty_like(inputERM);
    Tensor gradientERM = torch.zeros_like(inputERM);
    return new Trial(
        () -> run(() -> forward(inputERM, outputERM)),
        () ->
            run(
                () -> {
                  ExpertPass pass = forward(inputERM, outputERM);
                  pass.backward(0, gradientERM, outputERM);
                  pass.weightGradient(0, gradientERM);
                }));
  }

  private ExpertPass forward(Tensor inputERM, Tensor outputERM) {
    Expert experts = layer.experts();
    ExpertPass pass = experts.begin(inputERM);
    pass.forward(0, outputERM);
    return pass;
  }

  private static void run(Runnable body) {
    try (TensorScope scope = TensorScope.open()) {
      body.run();
    }
  }

  @Override
  public Trial gate(long tokens) {
    Tensor tokensSM = like.zeros(routing.whole(tokens));
    return new Trial(routing.gate(tokensSM, false), routing.gate(tokensSM, true));
  }

  @Override
  public Trial inverseOrder(long tokens) {
    Tensor tokensSM = like.zeros(routing.whole(tokens));
    return new Trial(routing.inverseOrder(tokensSM, false), routing.inverseOrder(tokensSM, true));
  }

  @Override
  public Trial attention(long batch, long length) {
    return new Trial(attention.of(batch, length, false), attention.of(batch, length, true));
  }
}
