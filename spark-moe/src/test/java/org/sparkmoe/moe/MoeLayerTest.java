package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparkmoe.moe.MoeConfig.Drop;

/** The whole layer against plain loops, and its gradients against finite differences, in f64. */
class MoeLayerTest {
  static Stream<MoeConfig> configs() {
    List<MoeConfig> configs = new ArrayList<>();
    for (String gate : List.of("noisy-top-k", "gshard", "mixtral")) {
      for (String expert : List.of("gpt", "mixtral")) {
        configs.add(base(gate).expert(expert).build());
      }
      for (Drop drop : Drop.values()) {
        configs.add(base(gate).drop(drop).capacityFactor("0.7").build());
      }
      configs.add(base(gate).routingGroup("6").order("einsum").sharedExperts(2).build());
    }
    return configs.stream();
  }

  private static MoeConfigBuilder base(String gate) {
    return new MoeConfigBuilder()
        .gate(gate)
        .zLoss(0.01)
        .importanceLoss(0.03)
        .loadLoss(gate.equals("noisy-top-k") ? 0.02 : 0);
  }

  @ParameterizedTest
  @MethodSource("configs")
  void outputEqualsPlainLoops(MoeConfig config) {
    MoeRun.Setup setup = MoeRun.Setup.of(config).evaluating();
    MoeRun run = MoeRun.of(setup);
    double[] expected =
        new PlainLayer(config, run.parameters(), setup.input(), setup.width()).output();
    assertThat(MoeRun.difference(run.output(), expected)).isLessThan(1e-12);
    assertThat(run.auxLoss()).isZero();
  }

  @ParameterizedTest
  @MethodSource("configs")
  void gradientsEqualFiniteDifferences(MoeConfig config) {
    MoeRun.Setup setup = MoeRun.Setup.of(config);
    MoeRun run = MoeRun.of(setup);
    Random random = new Random(9);
    for (Map.Entry<String, double[]> gradient : run.gradients().entrySet()) {
      double largest = largest(gradient.getValue());
      for (int sample = 0; sample < 3; sample++) {
        int i = random.nextInt(gradient.getValue().length);
        double slope = MoeRunGradient.of(setup, gradient.getKey(), i);
        assertThat(Math.abs(gradient.getValue()[i] - slope) / largest)
            .as(
                "gradient of %s[%d]: %s, differences %s",
                gradient.getKey(), i, gradient.getValue()[i], slope)
            .isLessThan(1e-6);
      }
    }
    for (int sample = 0; sample < 4; sample++) {
      int i = random.nextInt(run.inputGradient().length);
      double slope = MoeRunGradient.ofInput(setup, i);
      assertThat(Math.abs(run.inputGradient()[i] - slope) / largest(run.inputGradient()))
          .as("gradient of input[%d]", i)
          .isLessThan(1e-6);
    }
  }

  private static double largest(double[] values) {
    double largest = 1e-300;
    for (double value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }
}
