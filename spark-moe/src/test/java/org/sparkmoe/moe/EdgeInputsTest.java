package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.topology.Topology;

/** Inputs at the edge have a defined result. */
class EdgeInputsTest {
  private static final Topology FOUR_EXPERT_RANKS = new Topology(4, 1, 1, 4, 1);

  /** Every token looks the same and the router sends all of them to the lowest experts. */
  private static void allToTheFirst(MoeLayer layer, Tensor tokens) {
    tokens.fill_(new Scalar(1.0));
    for (Parameter parameter : layer.parameters()) {
      if (parameter.name().endsWith("gate.weight")) {
        Tensor weight = parameter.value().detach();
        weight.zero_();
        weight.narrow(1, 0, 1).fill_(new Scalar(2.0));
        weight.narrow(1, 1, 1).fill_(new Scalar(1.0));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"noisy-top-k", "gshard", "mixtral"})
  void allTokensMayGoToTheSameExperts(String gate) {
    MoeConfig config =
        new MoeConfigBuilder()
            .gate(gate)
            .gateOptions(gate.equals("gshard") ? Map.of("second-choice", "plain") : Map.of())
            .capacityFactor("*")
            .build();
    MoeRun.Setup setup = MoeRun.Setup.of(config).evaluating();
    MoeRun one = MoeRun.of(setup, EdgeInputsTest::allToTheFirst);
    MoeRun four = MoeRun.of(setup.on(FOUR_EXPERT_RANKS), EdgeInputsTest::allToTheFirst);
    assertThat(four.stats().tokensPerExpert()).containsExactly(24, 24, 0, 0);
    assertThat(four.stats().droppedShare()).isZero();
    assertThat(four.stats().imbalance()).isEqualTo(2);
    assertThat(four.withoutGradient()).allMatch(name -> name.endsWith("gate.noise"));
    assertThat(Arrays.stream(four.gradients().get("layers.0.moe.experts.w1")).skip(2 * 64L))
        .containsOnly(0.0);
    LayoutsTest.assertEqual("EP=4", four, one, 1e-12);
  }

  @Test
  void aLogitThatIsNoNumberSpoilsItsOwnTokenOnly() {
    MoeConfig config = new MoeConfigBuilder().capacityFactor("*").build();
    MoeRun run =
        MoeRun.of(
            MoeRun.Setup.of(config).on(FOUR_EXPERT_RANKS).evaluating(),
            (layer, tokens) -> {
              if (layer.parameters().get(2).offset()[0] == 0) {
                tokens.narrow(0, 0, 1).fill_(new Scalar(Double.NaN));
              }
            });
    assertThat(Arrays.stream(run.output()).limit(8)).containsOnly(Double.NaN);
    assertThat(Arrays.stream(run.output()).skip(8)).doesNotContain(Double.NaN);
  }

  @Test
  void fewerTokensThanExpertsAreRouted() {
    MoeConfig config = new MoeConfigBuilder().experts(64).topK(1).capacityFactor("0.1").build();
    MoeRun one = MoeRun.of(MoeRun.Setup.of(config).tokens(4));
    assertThat(Arrays.stream(one.stats().tokensPerExpert()).sum()).isPositive();
    MoeRun.Setup grouped =
        MoeRun.Setup.of(new MoeConfigBuilder().experts(64).topK(1).routingGroup("1").build())
            .tokens(4);
    LayoutsTest.assertEqual(
        "EP=4", MoeRun.of(grouped.on(FOUR_EXPERT_RANKS)), MoeRun.of(grouped), 1e-12);
  }

  @Test
  void equalLogitsGoToTheLowerIndex() {
    MoeConfig config = new MoeConfigBuilder().experts(8).topK(3).capacityFactor("*").build();
    MoeRun run =
        MoeRun.of(
            MoeRun.Setup.of(config).evaluating(),
            (layer, tokens) -> layer.parameters().get(0).value().detach().zero_());
    assertThat(run.stats().tokensPerExpert()).containsExactly(24, 24, 24, 0, 0, 0, 0, 0);
  }
}
