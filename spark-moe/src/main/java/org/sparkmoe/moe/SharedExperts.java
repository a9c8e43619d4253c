package org.sparkmoe.moe;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.SegmentTape;

/**
 * Experts that every token goes to (DeepSeek-V3): n of them side by side are one of n·H, whole on
 * every rank, so nothing travels.
 */
record SharedExperts(Expert expert) {

  /**
   * @param tokensSM {@code [S, M]} of the compute type
   * @return {@code [S, M]}
   */
  Tensor run(SegmentTape tape, Tensor tokensSM) {
    Tensor output = torch.empty_like(tokensSM);
    ExpertPass pass = expert.begin(tokensSM.unsqueeze(0));
    pass.forward(0, output.unsqueeze(0));
    return tape.record(
            new Tensor[] {tokensSM},
            new Tensor[] {output},
            gradients -> {
              Tensor gradient = gradients[0];
              return new @Nullable Tensor[] {gradient == null ? null : backward(pass, gradient)};
            })[0];
  }

  private static Tensor backward(ExpertPass pass, Tensor gradientSM) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      Tensor gradient = gradientSM.unsqueeze(0).contiguous();
      Tensor inputGradient = torch.empty_like(gradient);
      pass.backward(0, gradient, inputGradient);
      pass.weightGradient(0, gradient);
      return inputGradient.squeeze(0);
    }
  }
}
