package org.sparkmoe.collective;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.tensor.TensorScope;

/**
 * Combines one tensor of each rank, always in the order of ranks, so that the result does not
 * depend on who arrives first. bf16 is accumulated in f32 and rounded once.
 */
final class RankOrderReduction {
  /**
   * Elements reduced at a time: the accumulator stays in the cache, and libtorch does not start a
   * team of threads, of which each lane would otherwise get one of its own.
   */
  private static final long CHUNK = 32_000;

  private RankOrderReduction() {}

  /**
   * Reduces {@code sources} into every one of {@code destinations}, which may be the sources.
   *
   * @param destinations {@code [n]} each
   * @param sources {@code [n]} each, in rank order
   */
  static void reduce(List<Tensor> destinations, List<Tensor> sources, Reduction reduction) {
    long length = sources.get(0).numel();
    for (long from = 0; from < length; from += CHUNK) {
      try (TensorScope scope = TensorScope.open()) {
        long count = Math.min(CHUNK, length - from);
        Tensor sum = accumulator(sources.get(0).narrow(0, from, count));
        for (Tensor source : sources.subList(1, sources.size())) {
          Tensor part = source.narrow(0, from, count);
          if (reduction == Reduction.SUM) {
            sum.add_(part);
          } else {
            torch.maximum_out(sum, sum, part.to(sum.scalar_type()));
          }
        }
        for (Tensor destination : destinations) {
          destination.narrow(0, from, count).copy_(sum);
        }
      }
    }
  }

  private static Tensor accumulator(Tensor first) {
    return first.scalar_type().intern() == ScalarType.BFloat16
        ? first.to(ScalarType.Float)
        : first.clone();
  }
}
