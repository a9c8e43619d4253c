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
    return filled(
        scores,
        choices,
        (type, in, rows, columns, out, threads) ->
            largest(type, in, rows, columns, choices, out, threads));
  }

  @Override
  public Tensor balanced(Tensor scores, long groupTokens) {
    GateArguments.groups(scores, groupTokens);
    return filled(
        scores,
        1,
        (type, in, rows, columns, out, threads) ->
            balanced(type, in, rows, columns, groupTokens, out, threads));
  }

  @Override
  public Tensor placesOfTaken(Tensor scores, long groupTokens, long limit) {
    GateArguments.groups(scores, groupTokens);
    GateArguments.limit(limit, groupTokens);
    return filled(
        scores,
        scores.size(1),
        (type, in, rows, columns, out, threads) ->
            placesOfTaken(type, in, rows, columns, groupTokens, limit, out, threads));
  }

  /** A kernel that fills rows of indices, of scores by their type and address. */
  @FunctionalInterface
  private interface Fill {
    void run(int type, long scores, long rows, long columns, long indices, int threads);
  }

  /** {@code [S, width]} i64. */
  private static Tensor filled(Tensor scores, long width, Fill fill) {
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          Tensor rows = scores.contiguous();
          Tensor indices =
              torch.empty(
                  new long[] {rows.size(0), width},
                  new TensorOptions(ScalarType.Long),
                  new MemoryFormatOptional());
          if (rows.numel() > 0) {
            fill.run(
                Device.type(rows),
                rows.data_ptr().address(),
                rows.size(0),
                rows.size(1),
                indices.data_ptr().address(),
                rows.numel() < SCORES_OF_ONE_THREAD ? 1 : torch.get_num_threads());
          }
          return indices;
        });
  }

  @Override
  public Tensor logitsGradient(Tensor scores, Tensor gradient, Score score) {
    return libtorch.logitsGradient(scores, gradient, score);
  }

  private static native void largest(
      int type, long scores, long rows, long columns, int choices, long chosen, int threads);

  private static native void balanced(
      int type, long scores, long rows, long columns, long groupTokens, long chosen, int threads);

  private static native void placesOfTaken(
      int type,
      long scores,
      long rows,
      long columns,
      long groupTokens,
      long limit,
      long places,
      int threads);
}
