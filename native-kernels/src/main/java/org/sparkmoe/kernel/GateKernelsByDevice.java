package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/** Leaves each call to the kernels of the device on which its tensors are. */
final class GateKernelsByDevice implements GateKernels {

  private static GateKernels of(Tensor tensor) {
    return tensor.is_cpu()
        ? GateKernels.nativeCpp().orElseGet(GateKernels::torch)
        : DeviceKernels.gate(tensor);
  }

  @Override
  public Choice choose(Tensor logits, @Nullable Tensor bias, Rule rule) {
    return of(logits).choose(logits, bias, rule);
  }

  @Override
  public Tensor largest(Tensor scores, int choices) {
    return of(scores).largest(scores, choices);
  }

  @Override
  public Tensor balanced(Tensor scores, long groupTokens) {
    return of(scores).balanced(scores, groupTokens);
  }

  @Override
  public Tensor placesOfTaken(Tensor scores, long groupTokens, long limit) {
    return of(scores).placesOfTaken(scores, groupTokens, limit);
  }

  @Override
  public Tensor logitsGradient(Tensor scores, Tensor gradient, Score score) {
    return of(scores).logitsGradient(scores, gradient, score);
  }
}
