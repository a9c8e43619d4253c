package org.sparkmoe.model;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.Parameter;

/** A norm over the width of each token. libtorch takes its statistics in f32 also for bf16. */
@FunctionalInterface
interface Norm {

  /**
   * @param tokensSM {@code [S, M]}
   * @return {@code [S, M]}
   */
  Tensor apply(Tensor tokensSM);

  /** GPT-2's norm, with weight and bias. */
  static Norm layerNorm(Weights weights, String name, long width, double epsilon) {
    Parameter weight = weights.vector(name + ".weight", 1, width);
    Parameter bias = weights.vector(name + ".bias", 0, width);
    return x ->
        torch.layer_norm(
            x,
            new long[] {width},
            new TensorOptional(Weights.as(x, weight)),
            new TensorOptional(Weights.as(x, bias)),
            epsilon,
            true);
  }

  /** x / sqrt(mean(x²) + ε) · weight. */
  static Norm rmsNorm(Weights weights, String name, long width, double epsilon) {
    Parameter weight = weights.vector(name + ".weight", 1, width);
    return x ->
        torch.rms_norm(
            x,
            new long[] {width},
            new TensorOptional(Weights.as(x, weight)),
            new DoubleOptional(epsilon));
  }

  /** The norm of the model's architecture. */
  static Norm create(ModelConfig config, Weights weights, String name) {
    return switch (config.architecture()) {
      case GPT2 -> layerNorm(weights, name, config.hiddenSize(), config.normEpsilon());
      case MIXTRAL -> rmsNorm(weights, name, config.hiddenSize(), config.normEpsilon());
    };
  }
}
