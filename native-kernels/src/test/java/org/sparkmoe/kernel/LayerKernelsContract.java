package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.TensorScope;

/** What every implementation of the layer kernels must do. */
abstract class LayerKernelsContract {

  abstract LayerKernels kernels();

  @Provide
  Arbitrary<ScalarType> dtypes() {
    return Arbitraries.of(ScalarType.Float, ScalarType.Double, ScalarType.BFloat16);
  }

  @Property(tries = 40)
  void swiGluAndItsGradientMatchPlainLoops(
      @ForAll @IntRange(min = 1, max = 3) int experts,
      @ForAll @IntRange(max = 4) int rows,
      @ForAll @IntRange(min = 1, max = 40) int hidden,
      @ForAll("dtypes") ScalarType dtype) {
    try (TensorScope scope = TensorScope.open()) {
      // Slices of rows of larger buffers, as chunks of a layer are.
      Tensor gate = slice(experts, rows, hidden, dtype);
      Tensor up = slice(experts, rows, hidden, dtype);
      Tensor flow = slice(experts, rows, hidden, dtype);
      Tensor active = slice(experts, rows, hidden, dtype);
      double[] g = values(gate);
      double[] u = values(up);
      double[] d = values(flow);
      double[] y = new double[g.length];
      double[] dg = new double[g.length];
      double[] du = new double[g.length];
      for (int i = 0; i < g.length; i++) {
        double s = 1 / (1 + Math.exp(-g[i]));
        y[i] = g[i] * s * u[i];
        dg[i] = d[i] * u[i] * s * (1 + g[i] * (1 - s));
        du[i] = d[i] * g[i] * s;
      }
      kernels().swiGlu(gate, up, active);
      kernels().swiGluGradient(flow, gate, up);
      assertClose(active, y);
      assertClose(gate, dg);
      assertClose(up, du);
    }
  }

  @Property(tries = 30)
  void transposeBlocksMovesWholeBlocks(
      @ForAll @IntRange(min = 1, max = 5) int outer,
      @ForAll @IntRange(min = 1, max = 5) int inner,
      @ForAll @IntRange(max = 3) int rows,
      @ForAll @IntRange(min = 1, max = 40) int width,
      @ForAll("dtypes") ScalarType dtype) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor input = torch.randn((long) outer * inner * rows, width).to(dtype);
      Tensor output = kernels().transposeBlocks(input, outer, inner);
      for (int o = 0; o < outer; o++) {
        for (int i = 0; i < inner; i++) {
          Tensor from = input.narrow(0, (long) (o * inner + i) * rows, rows);
          assertThat(output.narrow(0, (long) (i * outer + o) * rows, rows).equal(from)).isTrue();
        }
      }
      assertThat(kernels().transposeBlocks(output, inner, outer).equal(input)).isTrue();
    }
  }

  @Property(tries = 30)
  void rowsAfterTheLastGroupBecomeZeroEvenIfTheyAreNotFinite(
      @ForAll @IntRange(max = 70) int used,
      @ForAll @IntRange(max = 70) int rest,
      @ForAll @IntRange(min = 1, max = 20) int width,
      @ForAll("dtypes") ScalarType dtype) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor rows = torch.randn(used + rest, width).to(dtype);
      Tensor before = rows.narrow(0, 0, used).clone();
      rows.narrow(0, used, rest).fill_(new Scalar(Double.NaN));
      kernels().clearAfter(Tensor.create(new int[] {0, used / 2, used}), rows);
      assertThat(rows.narrow(0, 0, used).equal(before)).isTrue();
      assertThat(rows.narrow(0, used, rest).equal(torch.zeros(rest, width).to(dtype))).isTrue();
    }
  }

  @Example
  void wrongArgumentsAreRefused() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor rows = torch.zeros(2, 3, 4);
      assertThatThrownBy(() -> kernels().swiGlu(rows, torch.zeros(2, 3, 5), rows))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("up has shape [2, 3, 5], expected [2, 3, 4]");
      assertThatThrownBy(() -> kernels().swiGluGradient(rows.to(ScalarType.Double), rows, rows))
          .hasMessage("activeGradient has dtype Double, but gate has Float");
      assertThatThrownBy(() -> kernels().transposeBlocks(torch.zeros(7, 2), 2, 3))
          .hasMessage("rows has 7 rows, which 2 by 3 blocks do not divide");
    }
  }

  private static Tensor slice(int experts, int rows, int hidden, ScalarType dtype) {
    return torch.randn(experts, rows + 2, hidden).to(dtype).narrow(1, 1, rows);
  }

  private static double[] values(Tensor tensor) {
    double[] values = new double[(int) tensor.numel()];
    if (values.length > 0) {
      new DoublePointer(tensor.to(ScalarType.Double).contiguous().data_ptr_double()).get(values);
    }
    return values;
  }

  private static void assertClose(Tensor actual, double[] expected) {
    double relative =
        switch (actual.scalar_type().intern()) {
          case BFloat16 -> 1.0 / 128;
          case Float -> 1e-5;
          default -> 1e-13;
        };
    double[] values = values(actual);
    for (int i = 0; i < expected.length; i++) {
      double allowed = relative * (Math.abs(expected[i]) + 0.1);
      assertThat(Math.abs(values[i] - expected[i])).isLessThanOrEqualTo(allowed);
    }
  }
}
