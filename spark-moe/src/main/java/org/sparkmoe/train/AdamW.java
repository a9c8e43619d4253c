package org.sparkmoe.train;

import java.util.List;
import org.sparkmoe.kernel.OptimizerKernels;
import org.sparkmoe.kernel.OptimizerKernels.Factors;

/**
 * AdamW (Loshchilov and Hutter 2019, Algorithm 2): with t = 1, 2, …
 *
 * <pre>
 * m ← β1·m + (1−β1)·g      v ← β2·v + (1−β2)·g²
 * w ← w − η·λ·w − η·(m/(1−β1ᵗ)) / (√(v/(1−β2ᵗ)) + ε)
 * </pre>
 *
 * <p>One pass over memory for each group of parameters, which clips gradients and renews the copies
 * of weights in the compute type too.
 */
final class AdamW {
  private final OptimizerKernels kernels;
  private final double beta1;
  private final double beta2;
  private final double epsilon;
  private final double weightDecay;

  AdamW(TrainConfig config) {
    this(config, OptimizerKernels.best());
  }

  /**
   * @param kernels do the updates
   */
  AdamW(TrainConfig config, OptimizerKernels kernels) {
    this.kernels = kernels;
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
    for (ParameterGroup group : groups) {
      double kept = group.decay() ? 1 - learningRate * weightDecay : 1;
      group.update(kernels, factors(t, learningRate, clip, kept));
    }
  }

  /** √(v/c) + ε = (√v + ε·√c)/√c with c = 1−β2ᵗ. */
  private Factors factors(long t, double learningRate, double clip, double kept) {
    double correction1 = 1 - Math.pow(beta1, t);
    double rootCorrection2 = Math.sqrt(1 - Math.pow(beta2, t));
    return new Factors(
        clip,
        kept,
        beta1,
        beta2,
        epsilon * rootCorrection2,
        learningRate * rootCorrection2 / correction1);
  }
}
