package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.DoubleBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.tensor.ComputeCopy;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.TensorScope;

class AdamWTest {
  private static final int N = 40_000;

  @ParameterizedTest
  @ValueSource(doubles = {1, 0.25})
  void followsThePublishedRuleElementByElement(double clip) {
    ParameterInitializer initializer = ParameterInitializer.cpu(3, Precision.F64);
    Parameter decaying = initializer.normal(ParameterBox.whole("w", true, N / 8, 8), 1);
    Parameter plain = initializer.normal(ParameterBox.whole("b", false, 5), 1);
    TrainConfig config = TrainConfigs.of(20, 2);
    Oracle decayingOracle = new Oracle(values(decaying), config.weightDecay());
    Oracle plainOracle = new Oracle(values(plain), 0);
    AdamW optimizer = new AdamW(config);
    List<ParameterGroup> groups = ParameterGroup.of(List.of(plain, decaying));

    for (int t = 1; t <= 4; t++) {
      try (TensorScope scope = TensorScope.open()) {
        double[] g = gradient(decaying, t);
        double[] h = gradient(plain, t);
        optimizer.update(groups, t, 0.01 * t, clip);
        decayingOracle.update(g, t, 0.01 * t, clip);
        plainOracle.update(h, t, 0.01 * t, clip);
      }
    }

    assertThat(values(decaying)).containsExactly(decayingOracle.w, within(1e-12));
    assertThat(values(plain)).containsExactly(plainOracle.w, within(1e-12));
    groups.forEach(ParameterGroup::close);
  }

  @Test
  void parametersKeepValueShapeAndGradientPlaceInTheFlatTensors() {
    Parameter parameter =
        ParameterInitializer.cpu(3, Precision.F32).normal(ParameterBox.whole("w", true, 3, 5), 1);
    double[] before = values(parameter);

    ParameterGroup group = ParameterGroup.of(List.of(parameter)).get(0);
    try (TensorScope scope = TensorScope.open()) {
      parameter.accumulate(parameter.value().detach());
      parameter.accumulate(parameter.value().detach());

      assertThat(values(parameter)).containsExactly(before);
      assertThat(parameter.value().sizes().vec().get()).containsExactly(3, 5);
      assertThat(doubles(group.gradients().narrow(0, 0, 15)))
          .containsExactly(Arrays.stream(before).map(x -> 2 * x).toArray());
    }
    group.close();
    assertThat(values(parameter)).containsExactly(before);
  }

  @Test
  void anUpdateShowsInTheVersionOfEveryParameter() {
    Parameter parameter =
        ParameterInitializer.cpu(3, Precision.F32).normal(ParameterBox.whole("w", true, 3, 5), 1);
    List<ParameterGroup> groups = ParameterGroup.of(List.of(parameter));
    long before = parameter.value()._version();

    new AdamW(TrainConfigs.of(20, 2)).update(groups, 1, 0.01, 1);

    assertThat(parameter.value()._version()).isGreaterThan(before);
    groups.forEach(ParameterGroup::close);
  }

  @Test
  void copiesInTheComputeTypeAreWrittenWithTheirWeights() {
    Parameter weight =
        ParameterInitializer.cpu(3, Precision.BF16)
            .normal(ParameterBox.whole("w", true, 3, 5), 1)
            .withCopy(ScalarType.BFloat16);
    ComputeCopy copy = Objects.requireNonNull(weight.copy());
    Parameter dense =
        ParameterInitializer.cpu(3, Precision.BF16).normal(ParameterBox.whole("d", true, 4), 1);
    List<ParameterGroup> groups = ParameterGroup.of(List.of(weight, dense));
    AdamW optimizer = new AdamW(TrainConfigs.of(20, 2));
    try (TensorScope scope = TensorScope.open()) {
      Tensor place = copy.value();
      for (int t = 1; t <= 3; t++) {
        gradient(weight, t);
        optimizer.update(groups, t, 0.1, 1);
        assertThat(doubles(place)).containsExactly(doubles(inBf16(weight)));
        assertThat(copy.value()).isSameAs(place);
      }
      weight.value().detach().zero_();
      assertThat(doubles(copy.value())).as("changed by others").containsOnly(0);
    }
    groups.forEach(ParameterGroup::close);
    assertThat(doubles(copy.value())).hasSize(15);
  }

  private static Tensor inBf16(Parameter parameter) {
    return parameter.value().detach().to(ScalarType.BFloat16);
  }

  private static double[] gradient(Parameter parameter, int t) {
    parameter.value().grad().zero_();
    Tensor gradient = parameter.value().detach().cos().mul(new Scalar(t));
    parameter.accumulate(gradient);
    return doubles(gradient);
  }

  private static double[] values(Parameter parameter) {
    try (TensorScope scope = TensorScope.open()) {
      return doubles(parameter.value().detach());
    }
  }

  private static double[] doubles(Tensor tensor) {
    Tensor flat = tensor.to(ScalarType.Double).contiguous().view(-1);
    double[] values = new double[(int) flat.numel()];
    DoubleBuffer buffer = flat.createBuffer();
    buffer.get(values);
    return values;
  }

  private static final class Oracle {
    private final double[] w;
    private final double[] m;
    private final double[] v;
    private final double decay;

    Oracle(double[] w, double decay) {
      this.w = w;
      this.m = new double[w.length];
      this.v = new double[w.length];
      this.decay = decay;
    }

    void update(double[] gradient, int t, double rate, double clip) {
      for (int i = 0; i < w.length; i++) {
        double g = gradient[i] * clip;
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.95 * v[i] + 0.05 * g * g;
        double mHat = m[i] / (1 - Math.pow(0.9, t));
        double vHat = v[i] / (1 - Math.pow(0.95, t));
        w[i] -= rate * decay * w[i] + rate * mHat / (Math.sqrt(vHat) + 1e-8);
      }
    }
  }
}
