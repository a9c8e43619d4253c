package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.moe.MoeConfig.Drop;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** Faults found in other MoE systems, each with a test that it is not in ours. */
class FaultsOthersHadTest {
  private static final double[] IDENTITY = {1, 0, 0, 1};

  @ParameterizedTest
  @ValueSource(strings = {"noisy-top-k", "gshard", "mixtral", "deepseek-v3"})
  void theAuxiliaryLossDoesNotDependOnTheNumberOfRanks(String gate) {
    MoeConfig config = lossy(gate);
    MoeRun one = MoeRun.of(MoeRun.Setup.of(config));
    MoeRun four = MoeRun.of(MoeRun.Setup.of(config).on(new Topology(4, 2, 1, 4, 1)));
    assertThat(one.auxLoss()).isPositive();
    assertThat(four.auxLoss()).isCloseTo(one.auxLoss(), within(1e-12));
  }

  @Test
  void theBalancingLossIsThatOfTheMeanHoweverManyTokensThereAre() {
    MoeConfig config = new MoeConfigBuilder().zLoss(0.1).importanceLoss(0.1).build();
    MoeRun half = MoeRun.of(MoeRun.Setup.of(config).tokens(12));
    MoeRun twice =
        MoeRun.of(
            MoeRun.Setup.of(config),
            (layer, tokens) -> tokens.narrow(0, 12, 12).copy_(tokens.narrow(0, 0, 12)));
    assertThat(twice.auxLoss()).isCloseTo(half.auxLoss(), within(1e-12));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mixtral", "deepseek-v3", "x-moe"})
  void theAuxiliaryLossOfEqualMicroBatchesIsTheSameHoweverManyThereAre(String gate) {
    assertThat(auxLoss(gate, 4)).isCloseTo(auxLoss(gate, 1), within(1e-12));
  }

  @Test
  void expertGradientsAreNotScaledByTheNumberOfExpertParallelRanks() {
    MoeConfig config = lossy("mixtral");
    Map<String, double[]> one = MoeRun.of(MoeRun.Setup.of(config)).gradients();
    Map<String, double[]> four =
        MoeRun.of(MoeRun.Setup.of(config).on(new Topology(4, 2, 1, 4, 1))).gradients();
    String w1 = "layers.0.moe.experts.w1";
    assertThat(MoeRun.difference(four.get(w1), one.get(w1))).isLessThan(1e-12);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "*"})
  void expertsWithoutTokensBlockNoCollectiveAndHaveAGradientOfZero(String capacity) {
    MoeConfig config = new MoeConfigBuilder().topK(1).capacityFactor(capacity).build();
    MoeRun run =
        MoeRun.of(
            MoeRun.Setup.of(config).on(new Topology(4, 2, 1, 4, 1)),
            (layer, tokens) -> {
              allToExpertZero(layer);
              tokens.abs_();
            });
    assertThat(run.stats().tokensPerExpert()[0]).isPositive();
    assertThat(run.stats().tokensPerExpert()[3]).isZero();
    double[] gradient = run.gradients().get("layers.0.moe.experts.w1");
    int ofExpert = gradient.length / 4;
    for (int i = 3 * ofExpert; i < gradient.length; i++) {
      assertThat(gradient[i]).isZero();
    }
  }

  @Test
  void tokensAreDroppedByProbabilityAndNotByLogit() {
    MoeConfig config =
        new MoeConfigBuilder()
            .experts(2)
            .topK(1)
            .capacityFactor("0.5")
            .drop(Drop.PROBABILITY)
            .build();
    MoeRun run =
        MoeRun.of(
            MoeRun.Setup.of(config).tokens(2).evaluating(),
            (layer, tokens) -> {
              Tensor weight = layer.parameters().get(0).value().detach();
              weight.zero_();
              weight.narrow(0, 0, 1).narrow(1, 0, 1).fill_(new Scalar(1.0));
              weight.narrow(0, 1, 1).narrow(1, 1, 1).fill_(new Scalar(1.0));
              // Logits (5, 4.9) and (1, -5): the second is the more probable one.
              tokens.narrow(1, 0, 2).copy_(Tensor.create(new double[] {5, 4.9, 1, -5}, 2, 2));
            });
    assertThat(Arrays.stream(run.output()).limit(8)).containsOnly(0.0);
    assertThat(Arrays.stream(run.output()).skip(8)).doesNotContain(0.0);
  }

  @Test
  void recomputationCountsLoadsOnce() {
    GateFixture fixture = GateFixture.of("deepseek-v3", 2, 1).width(2).option("bias-rate", "0.5");
    Gate once = fixture.gate(Map.of("weight", IDENTITY));
    Gate twice = fixture.gate(Map.of("weight", IDENTITY));
    Tensor tokens = Tensor.create(new double[] {1, 0, 1, 0, 0.1, 0}, 3, 2);
    GateDecision first = fixture.train(once, tokens);
    fixture.train(twice, tokens);
    GateDecision again = fixture.trainAgain(twice, tokens);
    assertThat(bias(twice)).isEqualTo(bias(once)).containsExactly(-0.5, 0.5);
    assertThat(again.chosenSK().equal(first.chosenSK())).isTrue();
  }

  private static double[] bias(Gate gate) {
    return MoeRun.doubles(gate.parameters().get(1).value());
  }

  private static void allToExpertZero(MoeLayer layer) {
    for (Parameter parameter : layer.parameters()) {
      if (parameter.name().endsWith("gate.weight")) {
        Tensor weight = parameter.value().detach();
        weight.zero_();
        weight.select(1, 0).fill_(new Scalar(1.0));
      }
    }
  }

  private static MoeConfig lossy(String gate) {
    return new MoeConfigBuilder()
        .gate(gate)
        .routingGroup("6")
        .zLoss(0.1)
        .importanceLoss(0.1)
        .build();
  }

  /** Mean auxiliary loss over micro-batches of the same tokens. */
  private static double auxLoss(String gate, int microBatches) {
    MoeConfig config = new MoeConfigBuilder().gate(gate).gateOptions(Map.of()).zLoss(0.1).build();
    MoeLayer layer = layer(config);
    double sum = 0;
    for (int i = 0; i < microBatches; i++) {
      StepContext context = new StepContext(true, 1, 0, i, microBatches, 0, 6);
      Tensor tokens = positiveTokens();
      sum += layer.forward(new SegmentTape(), tokens, context).auxLoss().item_double();
    }
    return sum / microBatches;
  }

  private static Tensor positiveTokens() {
    double[] values = new Random(4).doubles(0, 1).limit(6 * 8).toArray();
    return Tensor.create(values, 6, 8);
  }

  private static MoeLayer layer(MoeConfig config) {
    return MoeLayer.create(
        "layers.0.moe",
        0,
        config,
        8,
        RankGroups.single(),
        ParameterInitializer.cpu(3, Precision.F64));
  }
}
