package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.Topology;

class LanguageModelTest {
  private static final int VOCABULARY = 11;

  @ParameterizedTest
  @EnumSource(Architecture.class)
  void aStepLeavesNoNativeObjectsBehind(Architecture architecture) {
    Ranks.run(
        Topology.single(),
        groups -> {
          LanguageModel model =
              LanguageModel.create(
                  config(architecture),
                  MoeConfig.of(4, 2, 8),
                  VOCABULARY,
                  groups,
                  ParameterInitializer.cpu(1, Precision.F32));
          double loss = step(model);
          assertThat(loss).isCloseTo(Math.log(VOCABULARY), within(0.1));
          long before = Pointer.totalCount();
          for (int i = 0; i < 3; i++) {
            assertThat(step(model)).isEqualTo(loss);
          }
          assertThat(Pointer.totalCount()).isEqualTo(before);
          for (Parameter parameter : model.parameters()) {
            assertThat(parameter.value().grad().defined()).as(parameter.name()).isTrue();
          }
          return null;
        });
  }

  private static double step(LanguageModel model) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor tokens = torch.arange(scalar(21)).remainder(scalar(VOCABULARY)).view(3, 7);
      SegmentTape tape = new SegmentTape();
      Forward forward = model.forward(tape, tokens, StepContext.evaluation(18));
      tape.backward(
          new Tensor[] {forward.lossSum(), forward.auxLoss()},
          new Tensor[] {
            torch.ones_like(forward.lossSum()).div(scalar(18)), torch.ones_like(forward.auxLoss())
          });
      return forward.lossSum().item_double() / 18;
    }
  }

  private static org.bytedeco.pytorch.Scalar scalar(long value) {
    return new org.bytedeco.pytorch.Scalar(value);
  }

  private static ModelConfig config(Architecture architecture) {
    return new ModelConfig(
        architecture,
        2,
        8,
        4,
        architecture == Architecture.GPT2 ? 0 : 2,
        0,
        12,
        8,
        10000,
        1e-5,
        false,
        0.02,
        "none");
  }
}
