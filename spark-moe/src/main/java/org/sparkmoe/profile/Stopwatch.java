package org.sparkmoe.profile;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.LongFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.profile.ComputeTrials.Trial;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;

/**
 * Times work of several sizes. All ranks measure the same sizes in step; a size takes what its
 * median repeat takes on the slowest rank, so that all ranks fit the same model.
 *
 * <p>A profile stays under a minute (paper §6.2: 100 s): where sizes take long, they are repeated
 * less often, and long work needs fewer repeats to be told from noise.
 */
final class Stopwatch {
  private static final int WARM_UPS = 2;
  private static final int REPEATS = 5;

  /** Of one series of sizes; a profile has four of collectives and eight of computation. */
  private static final double SERIES_MILLIS = 50_000 / 12.0;

  private static final double MICROS_PER_MILLI = 1e3;

  private final Communicator world;
  private final Device device;
  private final DeviceClock clock;

  /**
   * @param device whose clock tells the time, and where {@code world} wants its tensors
   */
  Stopwatch(Communicator world, Device device) {
    this(world, device, device.is_cuda() ? DeviceClock.cuda() : DeviceClock.host());
  }

  Stopwatch(Communicator world, Device device, DeviceClock clock) {
    this.world = world;
    this.device = device;
    this.clock = clock;
  }

  /** Fits of both directions. */
  record Directions(CostFit forward, CostFit backward) {}

  /**
   * Fits a model.
   *
   * @param sizes n of each measurement
   * @param body makes the work for a size; called in the scope that all of them share
   */
  CostFit fit(long[] sizes, LongFunction<Runnable> body) {
    try (TensorScope scope = TensorScope.open()) {
      List<Runnable> bodies = LongStream.of(sizes).mapToObj(body).toList();
      return CostFit.of(Arrays.stream(sizes).asDoubleStream().toArray(), slowest(medians(bodies)));
    }
  }

  /**
   * Fits forward, and backward by what it takes beyond forward.
   *
   * @param work n of each measurement
   * @param trial makes the work for one of them, by index
   */
  Directions directions(double[] work, IntFunction<Trial> trial) {
    try (TensorScope scope = TensorScope.open()) {
      List<Trial> trials = IntStream.range(0, work.length).mapToObj(trial).toList();
      double[] forward = slowest(medians(trials.stream().map(Trial::forward).toList()));
      double[] backward = slowest(medians(trials.stream().map(Trial::both).toList()));
      Arrays.setAll(backward, i -> Math.max(0, backward[i] - forward[i]));
      return new Directions(CostFit.of(work, forward), CostFit.of(work, backward));
    }
  }

  /** Sizes take turns, so that a busy moment spoils one repeat of each and not all of one. */
  private double[] medians(List<Runnable> bodies) {
    double first = Arrays.stream(slowest(turn(bodies))).sum();
    boolean hurry = first * (WARM_UPS + REPEATS) > SERIES_MILLIS;
    if (!hurry) {
      IntStream.range(1, WARM_UPS).forEach(i -> turn(bodies));
    }
    int repeats = hurry ? (int) Math.max(1, SERIES_MILLIS / first - 1) : REPEATS;
    List<double[]> turns = Stream.generate(() -> turn(bodies)).limit(repeats).toList();
    return IntStream.range(0, bodies.size())
        .mapToDouble(i -> median(turns.stream().mapToDouble(turn -> turn[i]).toArray()))
        .toArray();
  }

  private double[] turn(List<Runnable> bodies) {
    return bodies.stream().mapToDouble(this::time).toArray();
  }

  private double time(Runnable body) {
    world.barrier().await();
    return clock.micros(body) / MICROS_PER_MILLI;
  }

  private static double median(double[] times) {
    double[] sorted = times.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private double[] slowest(double[] times) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor shared = DeviceMemory.copied(Tensor.create(times), device, ScalarType.Double);
      world.allReduce(shared, Communicator.Reduction.MAX).await();
      return HostReads.doubles(shared);
    }
  }

  /** Zeros of f32, on the device. */
  Tensor buffer(long... shape) {
    return DeviceMemory.zeros(device, ScalarType.Float, shape);
  }

  /** Zeros of f32, on the CPU. */
  static Tensor zeros(long... shape) {
    return torch.zeros(shape, new TensorOptions(ScalarType.Float));
  }
}
