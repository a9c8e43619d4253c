package org.sparkmoe.kernel;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Gate kernels out of libtorch's operators. */
final class TorchGateKernels implements GateKernels {

  @Override
  public Choice choose(Tensor logits, @Nullable Tensor bias, Rule rule) {
    GateArguments.choose(logits, bias, rule);
    try (AutoGradMode off = new AutoGradMode(false)) {
      Tensor scores = rule.score() == Score.SOFTMAX ? logits.softmax(1) : logits.sigmoid();
      Tensor experts = largest(bias == null ? scores : scores.add(bias), rule.choices());
      int nExperts = (int) logits.size(1);
      Tensor positions =
          RoutingKernels.torch().capacityPositions(experts, nExperts, rule.choiceMajor());
      Tensor lengths = RoutingKernels.torch().counts(experts, nExperts, 1);
      return new Choice(scores, experts, positions, lengths);
    }
  }

  @Override
  public Tensor largest(Tensor scores, int choices) {
    GateArguments.largest(scores, choices);
    return DeviceRoutingKernels.withoutAutograd(
        () ->
            scores.sort(new BoolOptional(true), 1, true).get1().narrow(1, 0, choices).contiguous());
  }

  /** In Java, on the host: an auction is nothing for tensor operators. */
  @Override
  public Tensor balanced(Tensor scores, long groupTokens) {
    GateArguments.groups(scores, groupTokens);
    return DeviceRoutingKernels.withoutAutograd(
        () -> BalancedAssignment.of(scores.detach(), groupTokens));
  }

  @Override
  public Tensor placesOfTaken(Tensor scores, long groupTokens, long limit) {
    GateArguments.groups(scores, groupTokens);
    GateArguments.limit(limit, groupTokens);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          long experts = scores.size(1);
          Tensor scoresGEN = scores.reshape(-1, groupTokens, experts).transpose(1, 2);
          Tensor bestGEC =
              scoresGEN.sort(new BoolOptional(true), 2, true).get1().narrow(2, 0, limit);
          Tensor takenGEN =
              torch
                  .zeros(new long[] {scoresGEN.size(0), experts, groupTokens}, bestGEC.options())
                  .scatter_(2, bestGEC, new Scalar(1L));
          Tensor placesGEN =
              torch.where(
                  takenGEN.eq(new Scalar(1L)),
                  takenGEN.cumsum(2).sub(new Scalar(1L)),
                  new Scalar(-1L));
          return placesGEN.transpose(1, 2).reshape(-1, experts);
        });
  }

  @Override
  public Tensor logitsGradient(Tensor scores, Tensor gradient, Score score) {
    GateArguments.gradient(scores, gradient);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor weighted = scores.mul(gradient);
          return score == Score.SOFTMAX
              ? weighted.sub(scores.mul(weighted.sum(new long[] {1}, true, null)))
              : weighted.sub(weighted.mul(scores));
        });
  }
}
