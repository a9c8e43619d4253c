package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.topology.RankGroups;

/** The z-, importance and load losses, which any gate can have. */
class AuxiliaryLossTest {

  static Stream<MoeConfigBuilder> gates() {
    return Stream.of(
        gate("noisy-top-k", 2),
        gate("gshard", 2),
        gate("mixtral", 2),
        gate("switch", 1),
        gate("sigmoid", 1),
        gate("x-moe", 2),
        gate("expert-choice", 2),
        gate("soft", 1).gateOptions(Map.of("slots-per-expert", "1")),
        gate("deepseek-v3", 2));
  }

  @ParameterizedTest
  @MethodSource("gates")
  void addUpAndReachTheGate(MoeConfigBuilder builder) {
    double z = auxLoss(builder.zLoss(0.5).build());
    double importance = auxLoss(builder.zLoss(0).importanceLoss(0.25).build());
    double load = auxLoss(builder.importanceLoss(0).loadLoss(0.125).build());
    double all = auxLoss(builder.zLoss(0.5).importanceLoss(0.25).build());
    assertThat(z).isPositive();
    assertThat(importance).isPositive();
    assertThat(load).isNotNegative();
    assertThat(all).isCloseTo(z + importance + load, within(1e-12));
  }

  @ParameterizedTest
  @MethodSource("gates")
  void areOffInEvaluation(MoeConfigBuilder builder) {
    MoeLayer layer = layer(builder.auxLoss(1).zLoss(1).importanceLoss(1).loadLoss(1).build());
    MoeOutput out =
        layer.forward(new SegmentTape(), tokens(), StepContext.evaluation(tokens().size(0)));
    assertThat(out.auxLoss().item_double()).isZero();
  }

  @Test
  void equalTheirFormulas() {
    // The router is the identity: logits (0, ln 3) and (0, ln 3), p = (1/4, 3/4) twice.
    MoeConfigBuilder builder = gate("mixtral", 1).experts(2);
    double ln3 = Math.log(3);
    double[] logits = {0, ln3, 0, ln3};
    double squared = Math.pow(Math.log(4), 2);
    assertThat(auxLoss(builder.zLoss(1).build(), logits)).isCloseTo(squared, within(1e-9));
    // Importance (1/2, 3/2): variance 1/4, mean 1. Load (0, 2): variance 1, mean 1.
    assertThat(auxLoss(builder.zLoss(0).importanceLoss(1).build(), logits))
        .isCloseTo(0.25, within(1e-9));
    assertThat(auxLoss(builder.importanceLoss(0).loadLoss(1).build(), logits))
        .isCloseTo(1, within(1e-9));
    // E·Σ share·mean p = 2·(1·3/4).
    assertThat(auxLoss(builder.loadLoss(0).auxLoss(1).build(), logits))
        .isCloseTo(1.5, within(1e-9));
  }

  private static double auxLoss(MoeConfig config, double... twoTokens) {
    MoeLayer layer = layer(config, 2);
    GateFixture.set(layer.parameters().get(0), 1, 0, 0, 1);
    return layer
        .forward(new SegmentTape(), Tensor.create(twoTokens, 2, 2), GateFixture.training(2))
        .auxLoss()
        .item_double();
  }

  private static double auxLoss(MoeConfig config) {
    MoeLayer layer = layer(config);
    SegmentTape tape = new SegmentTape();
    Tensor loss = layer.forward(tape, tokens(), GateFixture.training(6)).auxLoss();
    tape.backward(loss, loss.new_ones(new long[0]));
    double gradient = 0;
    for (Parameter parameter : layer.parameters()) {
      boolean ofGate = parameter.name().contains(".gate.");
      if (ofGate && parameter.value().grad().defined()) {
        gradient += parameter.value().grad().abs().sum().item_double();
      }
    }
    double value = loss.item_double();
    // A variation of 0 is the least there is.
    assertThat(gradient > 0).as("whether the gate has a gradient").isEqualTo(value > 0);
    return value;
  }

  private static MoeConfigBuilder gate(String name, int topK) {
    return new MoeConfigBuilder().gate(name).topK(topK).gateOptions(Map.of()).auxLoss(0);
  }

  private static Tensor tokens() {
    return Tensor.create(new Random(8).doubles(-1, 1).limit(6 * 8).toArray(), 6, 8);
  }

  private static MoeLayer layer(MoeConfig config) {
    return layer(config, 8);
  }

  private static MoeLayer layer(MoeConfig config, int width) {
    return MoeLayer.create(
        "layers.0.moe",
        0,
        config,
        width,
        RankGroups.single(),
        ParameterInitializer.cpu(3, Precision.F64));
  }
}
