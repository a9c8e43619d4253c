package org.sparkmoe.train;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.TensorScope;

/**
 * AdamW (Loshchilov and Hutter 2019, Algorithm 2): with t = 1, 2, …
 *
 * <pre>
 * m ← β1·m + (1−β1)·g      v ← β2·v + (1−β2)·g²
 * w ← w − η·λ·w − η·(m/(1−β1ᵗ)) / (√(v/(1−β2ᵗ)) + ε)
 * </pre>
 *
 * <p>The bindings have no fused kernel. An update is seven element-wise passes over long pieces of
 * the flat tensors: long, because a call costs microseconds; pieces, because they bound the
 * scratch.
 */
final class AdamW {
  private static final long PIECE_ELEMENTS = 1 << 20;

  private final long piece;
  private final double beta1;
  private final double beta2;
  private final double epsilon;
  private final double weightDecay;

  AdamW(TrainConfig config) {
    this(config, PIECE_ELEMENTS);
  }

  /**
   * @param piece elements updated at once
   */
  AdamW(TrainConfig config, long piece) {
    this.piece = piece;
    beta1 = config.beta1();
    beta2 = config.beta2();
    epsilon = config.epsilon();
    weightDecay = config.weightDecay();
  }

  /**
   * Updates values and moments in place.
   *
   * @param t number of this update, from 1
   * @param learningRate η
   * @param clip factor for the gradients, at most 1
   */
  void update(List<ParameterGroup> groups, long t, double learningRate, double clip) {
    try (TensorScope scope = TensorScope.open()) {
      for (ParameterGroup group : groups) {
        double kept = group.decay() ? 1 - learningRate * weightDecay : 1;
        Factors factors = factors(t, learningRate, clip, kept);
        long n = group.values().numel();
        Tensor root = torch.empty_like(group.values().narrow(0, 0, Math.min(piece, n)));
        for (long start = 0; start < n; start += piece) {
          updatePiece(group, start, Math.min(piece, n - start), factors, root);
        }
      }
    }
  }

  private record Factors(
      boolean clips,
      Scalar clip,
      Scalar kept,
      Scalar oneMinusBeta1,
      Scalar beta2,
      Scalar oneMinusBeta2,
      Scalar epsilon,
      Scalar minusStepSize) {}

  /** √(v/c) + ε = (√v + ε·√c)/√c with c = 1−β2ᵗ: one pass less. */
  private Factors factors(long t, double learningRate, double clip, double kept) {
    double correction1 = 1 - Math.pow(beta1, t);
    double rootCorrection2 = Math.sqrt(1 - Math.pow(beta2, t));
    return new Factors(
        clip < 1,
        new Scalar(clip),
        new Scalar(kept),
        new Scalar(1 - beta1),
        new Scalar(beta2),
        new Scalar(1 - beta2),
        new Scalar(epsilon * rootCorrection2),
        new Scalar(-learningRate * rootCorrection2 / correction1));
  }

  private static void updatePiece(
      ParameterGroup group, long start, long count, Factors factors, Tensor scratch) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor w = group.values().narrow(0, start, count);
      Tensor g = group.gradients().narrow(0, start, count);
      Tensor m = group.firstMoments().narrow(0, start, count);
      Tensor v = group.secondMoments().narrow(0, start, count);
      Tensor root = scratch.narrow(0, 0, count);
      if (factors.clips()) {
        g.mul_(factors.clip());
      }
      m.lerp_(g, factors.oneMinusBeta1());
      v.mul_(factors.beta2()).addcmul_(g, g, factors.oneMinusBeta2());
      torch.sqrt_out(root, v).add_(factors.epsilon());
      if (group.decay()) {
        w.mul_(factors.kept());
      }
      w.addcdiv_(m, root, factors.minusStepSize());
    }
  }
}
