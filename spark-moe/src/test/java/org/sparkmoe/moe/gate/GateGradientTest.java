package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateFixture;
import org.sparkmoe.moe.SharedLoss;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.Parameter;

/**
 * Gradients of everything that a gate hands on, by tokens and by parameters, against central
 * differences in f64.
 */
class GateGradientTest {
  private static final double STEP = 1e-6;
  private static final int TOKENS = 6;
  private static final int WIDTH = 4;

  static Stream<GateFixture> gates() {
    return Stream.of(
            GateFixture.of("noisy-top-k", 4, 2),
            GateFixture.of("gshard", 4, 2),
            GateFixture.of("gshard", 4, 2).option("second-choice", "random"),
            GateFixture.of("mixtral", 4, 2),
            GateFixture.of("switch", 4, 1).option("jitter", "0.1"),
            GateFixture.of("sigmoid", 3, 1),
            GateFixture.of("x-moe", 4, 2),
            GateFixture.of("x-moe", 4, 2).option("activation", "sigmoid"),
            GateFixture.of("expert-choice", 4, 2),
            GateFixture.of("soft", 3, 1).option("slots-per-expert", "2").group(3).divisor(4),
            GateFixture.of("deepseek-v3", 4, 2).option("bias-rate", "0"),
            GateFixture.of("deepseek-v3", 4, 2)
                .option("bias-rate", "0")
                .option("sequence-loss", "true")
                .group(2))
        .map(fixture -> fixture.width(WIDTH));
  }

  @ParameterizedTest
  @MethodSource("gates")
  void equalsCentralDifferences(GateFixture fixture) {
    Gate gate = fixture.gate();
    long seed = 5;
    for (Parameter parameter : gate.parameters()) {
      int numbers = Math.toIntExact(parameter.value().numel());
      GateFixture.set(parameter, Rows.normal(seed++, 1, numbers)[0]);
    }
    Tensor tokens = Rows.tensor(Rows.normal(seed, TOKENS, WIDTH)).set_requires_grad(true);
    objective(fixture, gate, tokens).backward();

    assertDifferences("tokens", tokens, fixture, gate, tokens);
    for (Parameter parameter : gate.parameters()) {
      if (parameter.value().grad().defined()) {
        assertDifferences(parameter.name(), parameter.value(), fixture, gate, tokens);
      } else {
        assertThat(parameter.name()).isEqualTo("gate.bias");
      }
    }
  }

  private static void assertDifferences(
      String name, Tensor leaf, GateFixture fixture, Gate gate, Tensor tokens) {
    double[] gradient = HostReads.doubles(leaf.grad());
    Tensor flat = leaf.detach().reshape(-1);
    for (int i = 0; i < gradient.length; i++) {
      double value = HostReads.doubles(flat)[i];
      flat.narrow(0, i, 1).fill_(new Scalar(value + STEP));
      double above = Rows.scalar(objective(fixture, gate, tokens));
      flat.narrow(0, i, 1).fill_(new Scalar(value - STEP));
      double below = Rows.scalar(objective(fixture, gate, tokens));
      flat.narrow(0, i, 1).fill_(new Scalar(value));
      double difference = (above - below) / (2 * STEP);
      assertThat(gradient[i])
          .as("%s[%d]", name, i)
          .isCloseTo(
              difference, org.assertj.core.data.Offset.offset(1e-6 * (1 + Math.abs(difference))));
    }
  }

  /** All that carries a gradient, mixed by fixed factors. */
  private static Tensor objective(GateFixture fixture, Gate gate, Tensor tokens) {
    GateDecision decision = fixture.train(gate, tokens);
    Tensor sum = mixed(decision.logitsSE()).mul(new Scalar(0.1));
    for (Tensor part : List.of(decision.routing().differentiable())) {
      sum = sum.add(mixed(part));
    }
    if (decision.probabilitiesSE().requires_grad()) {
      sum = sum.add(mixed(decision.probabilitiesSE()));
    }
    for (Tensor part :
        Stream.of(balance(decision.balanceLoss()), decision.loadE(), decision.residualS1())
            .filter(part -> part != null)
            .toList()) {
      sum = sum.add(mixed(part));
    }
    return sum;
  }

  private static @Nullable Tensor balance(@Nullable SharedLoss loss) {
    return loss == null ? null : loss.of().apply(loss.sumsN());
  }

  private static Tensor mixed(Tensor part) {
    Tensor factors =
        torch.arange(new Scalar(1.0), new Scalar(part.numel() + 1.0), part.detach().options());
    return part.reshape(-1).mul(factors.cos()).sum();
  }
}
