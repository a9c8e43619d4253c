package org.sparkmoe.benchmarks.testbed;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.sim.Simulator;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Measures what the ranks' links and cores cost. All ranks work at the same time, and a time is
 * that of the slowest rank, so every rank gets the same models and will make the same plans.
 */
final class LinkProfile {
  private static final List<TaskKind> KINDS =
      List.of(
          TaskKind.DISPATCH,
          TaskKind.ALL_GATHER,
          TaskKind.REDUCE_SCATTER,
          TaskKind.GRADIENT_ALL_REDUCE,
          TaskKind.EXPERT,
          TaskKind.ATTENTION);
  private static final double LONGEST_MILLIS = 120;
  private static final double SMALL_WORK = 1e5;
  private static final int SIZES = 8;
  private static final int REPEATS = 5;
  private static final int MOST_IN_A_ROW = 8;
  private static final double MAX_INTERFERENCE = 3;
  private static final double INTERFERENCE_STEP = 0.01;

  private final RankGroups groups;
  private final WorkloadBodies bodies;
  private final GraphExecutor lanes;
  private final double longest;

  /**
   * @param timeScale multiplies the times that the profile spans, {@value #LONGEST_MILLIS} ms
   */
  LinkProfile(RankGroups groups, WorkloadBodies bodies, GraphExecutor lanes, double timeScale) {
    this.groups = groups;
    this.bodies = bodies;
    this.lanes = lanes;
    longest = LONGEST_MILLIS * timeScale;
  }

  /** The work of each kind that takes about the longest time here. */
  Map<TaskKind, Double> largest() {
    Map<TaskKind, Double> largest = new LinkedHashMap<>();
    for (TaskKind kind : KINDS) {
      double work = SMALL_WORK;
      double millis = median(bodies.of(kind, work));
      while (millis < longest / 2) {
        work *= Math.min(8, longest / millis);
        millis = median(bodies.of(kind, work));
      }
      largest.put(kind, work * longest / millis);
      bodies.clear();
    }
    return largest;
  }

  /**
   * A fit for each kind of work, in the order of {@link CostModels}. Repeats are spread over the
   * whole measurement, so that a busy moment of the machine spoils one repeat of each size and not
   * all repeats of one.
   */
  Map<TaskKind, CostFit> fits(Map<TaskKind, Double> largest) {
    List<Sample> samples = new ArrayList<>();
    largest.forEach((kind, most) -> samples.addAll(samples(kind, most)));
    for (int repeat = -1; repeat < REPEATS; repeat++) {
      for (Sample sample : samples) {
        double millis = time(sample::runInARow);
        if (repeat >= 0) {
          sample.millis()[repeat] = millis / sample.inARow();
        }
      }
    }
    Map<TaskKind, CostFit> fits = new LinkedHashMap<>();
    largest.keySet().forEach(kind -> fits.put(kind, fit(kind, samples)));
    bodies.clear();
    return fits;
  }

  /**
   * Work of one size and how long it took each time. Small work is timed several times in a row, as
   * the chunks of a lane follow each other: ranks come from the barrier at different moments, which
   * a step pays for once.
   */
  private record Sample(TaskKind kind, double work, int inARow, Runnable body, double[] millis) {
    void runInARow() {
      for (int i = 0; i < inARow; i++) {
        body.run();
      }
    }
  }

  private List<Sample> samples(TaskKind kind, double largest) {
    List<Sample> samples = new ArrayList<>();
    for (int i = 1; i <= SIZES; i++) {
      // Squares: chunks of high degrees are small, and their start-up counts.
      double share = (double) (i * i) / (SIZES * SIZES);
      int inARow = (int) Math.min(MOST_IN_A_ROW, Math.ceil(1 / share));
      double work = largest * share;
      samples.add(new Sample(kind, work, inARow, bodies.of(kind, work), new double[REPEATS]));
    }
    return samples;
  }

  private static CostFit fit(TaskKind kind, List<Sample> samples) {
    List<Sample> own = samples.stream().filter(sample -> sample.kind() == kind).toList();
    return CostFit.of(
        own.stream().mapToDouble(Sample::work).toArray(),
        own.stream().mapToDouble(sample -> median(sample.millis())).toArray());
  }

  private double median(Runnable body) {
    double[] times = new double[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
      times[i] = time(body);
    }
    return median(times);
  }

  private static double median(double[] times) {
    double[] sorted = times.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  /** Milliseconds of the slowest rank, after all have come together. */
  double time(Runnable body) {
    groups.world().barrier().await();
    long start = System.nanoTime();
    body.run();
    double millis = (System.nanoTime() - start) / 1e6;
    try (TensorScope scope = TensorScope.open()) {
      Tensor slowest = torch.full(new long[] {1}, new Scalar(millis)).to(torch.ScalarType.Double);
      groups.world().allReduce(slowest, Reduction.MAX).await();
      return slowest.item_double();
    }
  }

  /**
   * How much a lane slows while another one is busy: the coefficient with which the simulator comes
   * closest to the measured times of lanes that run beside each other.
   */
  double interference(CostModels costs, Map<TaskKind, Double> sizes) {
    List<TaskGraph> pairs =
        List.of(
            beside(sizes, TaskKind.EXPERT, TaskKind.DISPATCH),
            beside(sizes, TaskKind.EXPERT, TaskKind.ALL_GATHER),
            beside(sizes, TaskKind.DISPATCH, TaskKind.ALL_GATHER));
    List<Double> measured = new ArrayList<>();
    for (TaskGraph pair : pairs) {
      Map<String, Runnable> work = bodies.of(pair);
      measured.add(median(() -> lanes.run(pair, work)));
    }
    double best = 0;
    double leastError = Double.POSITIVE_INFINITY;
    for (double c = 0; c <= MAX_INTERFERENCE; c += INTERFERENCE_STEP) {
      Simulator simulator = Simulator.withInterference(costs, c);
      double error = 0;
      for (int i = 0; i < pairs.size(); i++) {
        double relative = simulator.makespan(pairs.get(i)) / measured.get(i) - 1;
        error += relative * relative;
      }
      if (error < leastError) {
        leastError = error;
        best = c;
      }
    }
    return best;
  }

  private static TaskGraph beside(Map<TaskKind, Double> sizes, TaskKind one, TaskKind other) {
    List<Task> tasks = new ArrayList<>();
    for (TaskKind kind : List.of(one, other)) {
      for (int i = 0; i < 4; i++) {
        String id = kind.name().toLowerCase(Locale.ROOT) + "." + i;
        tasks.add(new Task(id, kind, lane(kind), sizes.get(kind) / 2));
      }
    }
    return new TaskGraph("beside", tasks);
  }

  private static Lane lane(TaskKind kind) {
    return switch (kind) {
      case DISPATCH -> Lane.INTER_NODE;
      case ALL_GATHER -> Lane.INTRA_NODE;
      default -> Lane.COMPUTE;
    };
  }
}
