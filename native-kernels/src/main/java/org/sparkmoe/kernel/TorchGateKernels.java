package org.sparkmoe.kernel;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Gate kernels out of libtorch's operators. */
final class TorchGateKernels implements GateKernels {

  @Override
  public Choice choose(Tensor logits, @Nullable Tensor bias, Rule rule) {
    GateArguments.choose(logits, bias, rule);
    try (AutoGradMode off = new AutoGradMode(false)) {
      Tensor scores = rule.score() == Score.SOFTMAX ? logits.softmax(1) : logits.sigmoid();
      Tensor experts = largest(bias == null ? scores.clone() : scores.add(bias), rule.choices());
      int nExperts = (int) logits.size(1);
      Tensor positions =
          RoutingKernels.torch().capacityPositions(experts, nExperts, rule.choiceMajor());
      Tensor lengths = experts.view(-1).bincount(new TensorOptional(), nExperts);
      return new Choice(scores, experts, positions, lengths);
    }
  }

  /** {@code argmax} takes the first of equal values, which {@code topk} does not promise. */
  private static Tensor largest(Tensor left, int choices) {
    TensorVector chosen = new TensorVector();
    for (int k = 0; k < choices; k++) {
      Tensor choice = left.argmax(new LongOptional(1), true);
      chosen.push_back(choice);
      left.scatter_(1, choice, new Scalar(Double.NEGATIVE_INFINITY));
    }
    return torch.cat(chosen, 1);
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
