package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.sparkmoe.tensor.NativeGarbage;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

class StepMemoryTest {

  @Test
  void aStepLeavesNothingBehindButGradients() {
    MoeConfig config =
        new MoeConfigBuilder()
            .gate("noisy-top-k")
            .hooks(HooksTest.Listening.class.getName())
            .sharedExperts(1)
            .build();
    MoeLayer layer =
        MoeLayer.create(
            "layers.0.moe",
            0,
            config,
            8,
            RankGroups.single(),
            ParameterInitializer.cpu(1, Precision.BF16));
    layer.scheduleBy(MoeExecution.sequential(2, 4));
    step(layer);
    NativeGarbage.awaitGone();
    long before = Pointer.totalCount();
    step(layer);
    step(layer);
    assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
  }

  private static void step(MoeLayer layer) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor tokens = torch.randn(24, 8).to(torch.ScalarType.BFloat16);
      SegmentTape tape = new SegmentTape();
      MoeOutput out = layer.forward(tape, tokens, new StepContext(true, 1, 0, 0, 1, 0, 24));
      tape.backward(
          new Tensor[] {out.output(), out.auxLoss()},
          new Tensor[] {torch.ones_like(out.output()), torch.ones_like(out.auxLoss())});
    }
  }
}
