package org.sparkmoe.profile;

import java.nio.DoubleBuffer;
import java.util.Arrays;
import java.util.function.LongFunction;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.tensor.TensorScope;

/**
 * Times work of several sizes. All ranks measure the same sizes in step; a size takes what its
 * median repeat takes on the slowest rank, so that all ranks fit the same model.
 */
final class Stopwatch {
  private static final int WARM_UPS = 2;
  private static final int REPEATS = 5;
  private static final double NANOS_PER_MILLI = 1e6;

  private final Communicator world;

  Stopwatch(Communicator world) {
    this.world = world;
  }

  /**
   * Fits a model.
   *
   * @param sizes n of each measurement
   * @param body makes the work for a size; called in a tensor scope of its own
   */
  CostFit fit(long[] sizes, LongFunction<Runnable> body) {
    double[] work = Arrays.stream(sizes).asDoubleStream().toArray();
    double[] times = new double[sizes.length];
    for (int i = 0; i < sizes.length; i++) {
      try (TensorScope scope = TensorScope.open()) {
        times[i] = median(body.apply(sizes[i]));
      }
    }
    return CostFit.of(work, slowest(times));
  }

  private double median(Runnable body) {
    double[] repeats = new double[REPEATS];
    for (int i = -WARM_UPS; i < REPEATS; i++) {
      world.barrier().await();
      long start = System.nanoTime();
      body.run();
      if (i >= 0) {
        repeats[i] = (System.nanoTime() - start) / NANOS_PER_MILLI;
      }
    }
    Arrays.sort(repeats);
    return repeats[REPEATS / 2];
  }

  private double[] slowest(double[] times) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor shared = Tensor.create(times);
      world.allReduce(shared, Communicator.Reduction.MAX).await();
      double[] slowest = new double[times.length];
      shared.<DoubleBuffer>createBuffer().get(slowest);
      return slowest;
    }
  }

  /** Zeros of f32, on the CPU. */
  static Tensor zeros(long... shape) {
    return torch.zeros(shape, new TensorOptions(ScalarType.Float));
  }
}
