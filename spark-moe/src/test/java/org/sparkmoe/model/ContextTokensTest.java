package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.Topology;

/** Targets that carry no loss, against plain loops and finite differences. */
class ContextTokensTest {
  private static final int BATCH = 3;
  private static final int TOKENS = BATCH * Models.LENGTH;

  @ParameterizedTest
  @CsvSource({"GPT2, true", "MIXTRAL, false"})
  void theLossIsThatOfTheOtherTargetsInPlainLoops(Architecture architecture, boolean tied) {
    ModelConfig config = Models.config(architecture, "none", tied);
    LanguageModel model = model(config);
    ModelOracle oracle = new ModelOracle(config, Models.weights(model));
    try (TensorScope scope = TensorScope.open()) {
      double expected = 0;
      for (int b = 0; b < BATCH; b++) {
        int row = b;
        long[] ids = Models.longs(tokens().get(b));
        expected += oracle.lossSum(ids, place -> isTarget(row, place));
      }
      assertThat(loss(model)).isCloseTo(expected, within(1e-10));
    }
  }

  @ParameterizedTest
  @CsvSource({"GPT2, true", "MIXTRAL, false"})
  void gradientsEqualFiniteDifferencesOfThatLoss(Architecture architecture, boolean tied) {
    LanguageModel model = model(Models.config(architecture, "none", tied));
    step(model, targets());
    double epsilon = 1e-5;
    for (Parameter parameter : model.parameters()) {
      long count = parameter.value().numel();
      for (long index : new long[] {0, count / 2 + 1, count - 1}) {
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
              .isCloseTo((above - below) / (2 * epsilon), within(1e-7));
        }
      }
    }
  }

  @Test
  void contextAloneHasNoLossAndNoGradient() {
    LanguageModel model = model(Models.config(Architecture.MIXTRAL, "none", false));
    assertThat(step(model, tokens().narrow(1, 1, Models.LENGTH).bitwise_not())).isZero();
    for (Parameter parameter : model.parameters()) {
      assertThat(Models.array(parameter.value().grad())).as(parameter.name()).containsOnly(0.0);
    }
  }

  private static LanguageModel model(ModelConfig config) {
    LanguageModel model =
        Ranks.run(Topology.single(), groups -> Models.create(config, groups, Precision.F64)).get(0);
    Models.disturb(model);
    return model;
  }

  /** Forward and backward of the sum of losses, which is returned. */
  private static double step(LanguageModel model, Tensor targetsBL) {
    try (TensorScope scope = TensorScope.open()) {
      SegmentTape tape = new SegmentTape();
      Forward forward = forward(model, tape, targetsBL);
      tape.backward(
          new Tensor[] {forward.lossSum(), forward.auxLoss()},
          new Tensor[] {torch.ones_like(forward.lossSum()), torch.ones_like(forward.auxLoss())});
      return forward.lossSum().item_double();
    }
  }

  private static double loss(LanguageModel model) {
    try (TensorScope scope = TensorScope.open()) {
      return forward(model, SegmentTape.withoutHistory(), targets()).lossSum().item_double();
    }
  }

  private static Forward forward(LanguageModel model, SegmentTape tape, Tensor targetsBL) {
    return model.forward(
        tape, tokens().narrow(1, 0, Models.LENGTH), targetsBL, StepContext.evaluation(TOKENS));
  }

  private static Tensor tokens() {
    return Models.tokens(BATCH, Models.LENGTH + 1);
  }

  /** {@code [B, L]}, what is context marked by its complement. */
  private static Tensor targets() {
    long[] marked = new long[TOKENS];
    for (int b = 0; b < BATCH; b++) {
      long[] ids = Models.longs(tokens().get(b));
      for (int place = 1; place <= Models.LENGTH; place++) {
        marked[b * Models.LENGTH + place - 1] = isTarget(b, place) ? ids[place] : ~ids[place];
      }
    }
    return Tensor.create(marked, BATCH, Models.LENGTH);
  }

  private static boolean isTarget(int row, int place) {
    return place > row + 1 && place != 5;
  }
}
