package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.kernel.OptimizerKernels.Factors;
import org.sparkmoe.kernel.OptimizerKernels.Flat;
import org.sparkmoe.tensor.TensorScope;

/** What every implementation of the optimiser kernels must do. */
abstract class OptimizerKernelsContract {

  abstract OptimizerKernels kernels();

  @Property(tries = 40)
  void adamWFollowsThePublishedRuleElementByElement(
      @ForAll @IntRange(min = 1, max = 20_000) int n,
      @ForAll boolean wide,
      @ForAll boolean copied,
      @ForAll @DoubleRange(min = 0.1, max = 1) double clip,
      @ForAll @DoubleRange(min = 0.9, max = 1) double decay) {
    ScalarType dtype = wide ? ScalarType.Double : ScalarType.Float;
    Factors factors = new Factors(clip, decay, 0.9, 0.95, 1e-8, 0.01);
    try (TensorScope scope = TensorScope.open()) {
      Flat flat =
          new Flat(
              random(n, dtype),
              random(n, dtype),
              random(n, dtype),
              random(n, dtype).abs_(),
              copied ? torch.empty(n).to(ScalarType.BFloat16) : null);
      double[] w = values(flat.values());
      double[] g = values(flat.gradients());
      double[] m = values(flat.firstMoments());
      double[] v = values(flat.secondMoments());
      for (int i = 0; i < n; i++) {
        double d = clip * g[i];
        m[i] = 0.9 * m[i] + (1 - 0.9) * d;
        v[i] = 0.95 * v[i] + (1 - 0.95) * d * d;
        w[i] = decay * w[i] - 0.01 * m[i] / (Math.sqrt(v[i]) + 1e-8);
      }
      long version = flat.values()._version();

      kernels().adamW(flat, factors);

      double relative = wide ? 1e-13 : 2e-6;
      assertClose(flat.values(), w, relative);
      assertClose(flat.firstMoments(), m, relative);
      assertClose(flat.secondMoments(), v, relative);
      if (flat.copy() != null) {
        assertThat(flat.copy().equal(flat.values().to(ScalarType.BFloat16))).isTrue();
      }
      assertThat(flat.values()._version()).as("version").isGreaterThan(version);
    }
  }

  @Example
  void aMomentOfZeroMovesNothing() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor values = random(33, ScalarType.Float);
      double[] before = values(values);
      Flat flat = new Flat(values, torch.zeros(33), torch.zeros(33), torch.zeros(33), null);

      kernels().adamW(flat, new Factors(1, 1, 0.9, 0.999, 1e-8, 0.1));

      assertThat(values(values)).containsExactly(before);
    }
  }

  @Example
  void wrongArgumentsAreRefused() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor n = torch.zeros(4);
      Factors factors = new Factors(1, 1, 0.9, 0.999, 1e-8, 0.1);
      assertThatThrownBy(() -> kernels().adamW(new Flat(n, torch.zeros(3), n, n, null), factors))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("gradients has shape [3], expected [4]");
      assertThatThrownBy(
              () -> kernels().adamW(new Flat(n, n, n, n.to(ScalarType.Double), null), factors))
          .hasMessage("secondMoments has dtype Double, but values has Float");
      assertThatThrownBy(() -> kernels().adamW(new Flat(n, n, n, n, n), factors))
          .hasMessage("copy has dtype Float, allowed: [BFloat16]");
    }
  }

  /** Odd lengths begin one element behind the first of a buffer, where no vector is aligned. */
  private static Tensor random(int n, ScalarType dtype) {
    return torch.randn(n + 1).to(dtype).narrow(0, n % 2, n);
  }

  private static double[] values(Tensor tensor) {
    double[] values = new double[(int) tensor.numel()];
    new DoublePointer(tensor.to(ScalarType.Double).contiguous().data_ptr_double()).get(values);
    return values;
  }

  private static void assertClose(Tensor actual, double[] expected, double relative) {
    double[] values = values(actual);
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(values[i] - expected[i]) <= relative * (1 + Math.abs(expected[i])))) {
        assertThat(values[i]).as("element %d", i).isEqualTo(expected[i], within(relative));
      }
    }
  }
}
