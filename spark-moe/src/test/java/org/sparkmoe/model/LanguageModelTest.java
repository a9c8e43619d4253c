package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.data.Percentage.withPercentage;

import java.util.Arrays;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.NativeGarbage;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

class LanguageModelTest {
  private static final int BATCH = 3;
  private static final int TOKENS = BATCH * Models.LENGTH;

  @ParameterizedTest
  @CsvSource({"GPT2, true", "GPT2, false", "MIXTRAL, true", "MIXTRAL, false"})
  void forwardEqualsPlainLoops(Architecture architecture, boolean tied) {
    ModelConfig config = Models.config(architecture, "none", tied);
    LanguageModel model = single(config, Precision.F64);
    ModelOracle oracle = new ModelOracle(config, Models.weights(model));
    try (TensorScope scope = TensorScope.open()) {
      Tensor tokens = Models.tokens(BATCH, Models.LENGTH + 1);
      Tensor logits = model.logits(tokens);
      double loss = 0;
      for (int b = 0; b < BATCH; b++) {
        long[] ids = Models.longs(tokens.get(b));
        double[] expected = flat(oracle.logits(ids));
        assertThat(Models.array(logits.get(b))).containsExactly(expected, within(1e-10));
        loss += oracle.lossSum(ids);
      }
      Forward forward =
          model.forward(SegmentTape.withoutHistory(), tokens, StepContext.evaluation(TOKENS));
      assertThat(forward.lossSum().item_double()).isCloseTo(loss, within(1e-10));
      assertThat(forward.auxLoss().item_double()).isZero();
      assertThat(forward.routing()).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void gradientsOfEveryParameterEqualFiniteDifferences(Architecture architecture) {
    LanguageModel model = single(Models.config(architecture, "1", true), Precision.F64);
    step(model);
    double epsilon = 1e-5;
    for (Parameter parameter : model.parameters()) {
      long count = parameter.value().numel();
      for (long index : new long[] {0, count / 3, count / 2 + 1, count - 1}) {
        try (TensorScope scope = TensorScope.open();
            AutoGradMode off = new AutoGradMode(false)) {
          Tensor element = parameter.value().view(-1).get(index);
          double gradient = parameter.value().grad().view(-1).get(index).item_double();
          element.add_(new Scalar(epsilon));
          double above = loss(model);
          element.sub_(new Scalar(2 * epsilon));
          double below = loss(model);
          element.add_(new Scalar(epsilon));
          assertThat(gradient)
              .as("%s[%d]", parameter.name(), index)
              .isCloseTo((above - below) / (2 * epsilon), within(1e-8));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"GPT2, F32", "MIXTRAL, F32", "GPT2, BF16", "MIXTRAL, BF16"})
  void aStepLeavesNoNativeObjectsBehindAndRepeatsBitForBit(
      Architecture architecture, Precision precision) {
    LanguageModel model = single(Models.config(architecture, "every-2", false), precision);
    double loss = step(model);
    NativeGarbage.awaitGone();
    long before = Pointer.totalCount();
    for (int i = 0; i < 3; i++) {
      assertThat(step(model)).isEqualTo(loss);
      assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
    }
    for (Parameter parameter : model.parameters()) {
      assertThat(parameter.value().grad().scalar_type().intern())
          .as(parameter.name())
          .isEqualTo(ScalarType.Float);
    }
    evaluate(model);
    before = Pointer.totalCount();
    evaluate(model);
    assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
  }

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void bf16StaysNearF64(Architecture architecture) {
    ModelConfig config = Models.config(architecture, "none", true);
    double exact = loss(single(config, Precision.F64));
    assertThat(loss(single(config, Precision.BF16))).isCloseTo(exact, within(0.03));
    assertThat(loss(single(config, Precision.F32))).isCloseTo(exact, within(1e-5));
  }

  @Test
  void theFirstLossIsThatOfAUniformGuess() {
    ModelConfig c = Models.config(Architecture.GPT2, "all", true);
    ModelConfig small =
        new ModelConfig(
            c.architecture(),
            3,
            16,
            4,
            0,
            0,
            16,
            8,
            1e4,
            1e-5,
            true,
            0.02,
            c.moeLayers(),
            "balanced");
    Ranks.run(
        Topology.single(),
        groups -> {
          LanguageModel model = Models.create(small, groups, Precision.F32);
          try (TensorScope scope = TensorScope.open()) {
            Tensor tokens = Models.tokens(BATCH, Models.LENGTH + 1);
            Forward forward =
                model.forward(SegmentTape.withoutHistory(), tokens, StepContext.evaluation(TOKENS));
            assertThat(forward.lossSum().item_double() / TOKENS)
                .isCloseTo(Math.log(Models.VOCABULARY), within(0.05));
            assertThat(forward.routing()).hasSize(3);
          }
          return null;
        });
  }

  @Test
  void projectionsOntoTheResidualStreamStartSmallerInExpertsToo() {
    ModelConfig c = Models.config(Architecture.GPT2, "1", true);
    MoeConfig moe = Models.dropless(Architecture.GPT2).withExpertOptions(Map.of());
    LanguageModel model =
        Ranks.run(
                Topology.single(),
                groups ->
                    LanguageModel.create(
                        c, moe, 13, groups, ParameterInitializer.cpu(1, Precision.F32)))
            .get(0);
    double inner = c.initStd();
    double residual = c.initStd() / Math.sqrt(2 * c.layers());
    Map<String, Double> expected =
        Map.of(
            "layers.0.attention.qkv.weight", inner,
            "layers.0.attention.output.weight", residual,
            "layers.0.feed_forward.down.weight", residual,
            "layers.1.moe.experts.w1", inner,
            "layers.1.moe.experts.w2", residual);
    for (Parameter parameter : model.parameters()) {
      Double deviation = expected.get(parameter.name());
      if (deviation != null) {
        assertThat(parameter.value().std().item_double())
            .as(parameter.name())
            .isCloseTo(deviation, withPercentage(25));
      }
    }
    assertThat(model.parameters()).extracting(Parameter::name).containsAll(expected.keySet());
  }

  @Test
  void tokensMustFitTheModel() {
    LanguageModel model = single(Models.config(Architecture.GPT2, "none", true), Precision.F32);
    try (TensorScope scope = TensorScope.open()) {
      assertThatThrownBy(() -> model.logits(Models.tokens(1, 9)))
          .hasMessageContaining("9 tokens is longer than model.max-sequence-length = 8");
      assertThatThrownBy(() -> model.logits(Models.tokens(1, 4).view(-1)))
          .hasMessageContaining("tokens has shape [4], expected [any, any]");
      assertThatThrownBy(() -> model.logits(Models.tokens(1, 4).to(ScalarType.Int)))
          .hasMessageContaining("tokens has dtype Int, allowed: [Long]");
    }
  }

  private static LanguageModel single(ModelConfig config, Precision precision) {
    LanguageModel model =
        Ranks.run(Topology.single(), groups -> Models.create(config, groups, precision)).get(0);
    Models.disturb(model);
    return model;
  }

  /** Forward and backward; the loss. */
  private static double step(LanguageModel model) {
    try (TensorScope scope = TensorScope.open()) {
      SegmentTape tape = new SegmentTape();
      Forward forward =
          model.forward(
              tape, Models.tokens(BATCH, Models.LENGTH + 1), StepContext.evaluation(TOKENS));
      Tensor one = torch.ones_like(forward.auxLoss());
      tape.backward(
          new Tensor[] {forward.lossSum(), forward.auxLoss()},
          new Tensor[] {one.div(new Scalar((double) TOKENS)), one});
      return forward.lossSum().item_double() / TOKENS + forward.auxLoss().item_double();
    }
  }

  private static double loss(LanguageModel model) {
    try (TensorScope scope = TensorScope.open()) {
      Forward forward =
          model.forward(
              SegmentTape.withoutHistory(),
              Models.tokens(BATCH, Models.LENGTH + 1),
              StepContext.evaluation(TOKENS));
      return forward.lossSum().item_double() / TOKENS + forward.auxLoss().item_double();
    }
  }

  private static void evaluate(LanguageModel model) {
    loss(model);
    try (TensorScope scope = TensorScope.open()) {
      assertThat(model.logits(Models.tokens(2, 5)).isfinite().all().item_bool()).isTrue();
    }
  }

  private static double[] flat(double[][] rows) {
    return Arrays.stream(rows).flatMapToDouble(Arrays::stream).toArray();
  }

  @Test
  void closingFreesTheWeightsAtOnce() {
    LanguageModel model =
        Models.create(
            Models.config(Architecture.MIXTRAL, "1", true), RankGroups.single(), Precision.BF16);
    model.logits(Models.tokens(1, 3));
    model.close();
    assertThat(model.parameters()).isNotEmpty().allMatch(p -> p.value().isNull());
    model.close();
  }
}
