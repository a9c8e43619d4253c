package org.sparkmoe.kernel;

import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * Gate kernels of which the choice of experts is in C++, {@code src/main/cpp}: one pass over the
 * scores, where libtorch has to sort them. The rest is libtorch's.
 */
final class CppGateKernels implements GateKernels {
  /** Below this many scores a team of threads costs more than it brings. */
  private static final long SCORES_OF_ONE_THREAD = 1 << 16;

  private final GateKernels libtorch = GateKernels.torch();

  @Override
  public Choice choose(Tensor logits, @Nullable Tensor bias, Rule rule) {
    return libtorch.choose(logits, bias, rule);
  }

  @Override
  public Tensor largest(Tensor scores, int choices) {
    GateArguments.largest(scores, choices);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor rows = scores.contiguous();
          Tensor chosen =
              torch.empty(
                  new long[] {rows.size(0), choices},
                  new TensorOptions(ScalarType.Long),
                  new MemoryFormatOptional());
          if (rows.numel() > 0) {
            largest(
                type(rows),
                rows.data_ptr().address(),
                rows.size(0),
                rows.size(1),
                choices,
                chosen.data_ptr().address(),
                rows.numel() < SCORES_OF_ONE_THREAD ? 1 : torch.get_num_threads());
          }
          return chosen;
        });
  }

  @Override
  public Tensor logitsGradient(Tensor scores, Tensor gradient, Score score) {
    return libtorch.logitsGradient(scores, gradient, score);
  }

  /** As {@code jni.cpp} reads it. */
  private static int type(Tensor scores) {
    return switch (scores.scalar_type().intern()) {
      case Float -> 0;
      case Double -> 1;
      default -> 2;
    };
  }

  private static native void largest(
      int type, long scores, long rows, long columns, int choices, long chosen, int threads);
}
