package org.sparkmoe.schedule.policy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;
import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.FlowGraphs.Gradient;
import org.sparkmoe.schedule.policy.FlowTasks.Name;
import org.sparkmoe.schedule.policy.ListScheduler.Schedule;

/**
 * Cuts dense gradients into slices that fit the holes which a schedule leaves in the inter-node
 * lane, so that nothing is delayed, over the whole backward. What finds no hole follows at the end.
 */
final class HoleFilling {
  /** A slice must move data for at least as long as it takes to start. */
  private static final double LEAST_SHARE_OF_DATA = 0.5;

  private final FlowTasks tasks;
  private final CostModel allReduce;
  private final Deque<Gradient> waiting;
  private final double[] existsAt;
  private final List<Double> starts = new ArrayList<>();
  private double makespan;

  private HoleFilling(FlowTasks tasks, CostModel allReduce, List<Gradient> gradients, Schedule s) {
    this.tasks = tasks;
    this.allReduce = allReduce;
    this.existsAt = new double[tasks.size()];
    Arrays.setAll(existsAt, i -> s.start()[i] + tasks.duration(i));
    this.waiting =
        new ArrayDeque<>(
            gradients.stream()
                .filter(gradient -> gradient.elements() > 0)
                .sorted(Comparator.comparingDouble(gradient -> existsAt[gradient.producer()]))
                .toList());
    this.makespan = s.makespan();
  }

  /**
   * Adds the slices to {@code tasks} and returns the schedule with them.
   *
   * @param gradients to sum
   * @param schedule of {@code tasks} without them
   */
  static Schedule fill(
      FlowTasks tasks, CostModel allReduce, List<Gradient> gradients, Schedule schedule) {
    HoleFilling filling = new HoleFilling(tasks, allReduce, gradients, schedule);
    int[] interNode =
        IntStream.range(0, tasks.size())
            .filter(i -> tasks.lane(i) == Lane.INTER_NODE)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> schedule.start()[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double free = 0;
    for (int task : interNode) {
      filling.fillHole(free, schedule.start()[task]);
      free = schedule.start()[task] + tasks.duration(task);
    }
    filling.fillHole(free, Double.POSITIVE_INFINITY);
    return filling.extended(schedule);
  }

  private void fillHole(double from, double to) {
    double free = from;
    Gradient oldest = waiting.peekFirst();
    while (oldest != null) {
      double start = Math.max(free, existsAt[oldest.producer()]);
      double fits = Math.floor(allReduce.work(to - start));
      if (fits < 1 || fits * allReduce.beta() < LEAST_SHARE_OF_DATA * allReduce.alpha()) {
        return;
      }
      double elements = takeExisting(start, fits);
      free = start + allReduce.time(elements);
      starts.add(start);
      makespan = Math.max(makespan, free);
      oldest = waiting.peekFirst();
    }
  }

  /** Takes up to {@code most} elements of what exists at {@code start}, and adds their slice. */
  private double takeExisting(double start, double most) {
    List<Integer> producers = new ArrayList<>();
    double taken = 0;
    Gradient oldest = waiting.peekFirst();
    while (oldest != null && existsAt[oldest.producer()] <= start && taken < most) {
      waiting.removeFirst();
      double part = Math.min(oldest.elements(), most - taken);
      if (part < oldest.elements()) {
        waiting.addFirst(new Gradient(oldest.producer(), oldest.elements() - part));
      }
      taken += part;
      producers.add(oldest.producer());
      oldest = waiting.peekFirst();
    }
    tasks.add(
        new Name("", "gradient_all_reduce", starts.size()),
        TaskKind.GRADIENT_ALL_REDUCE,
        taken,
        producers.stream().mapToInt(Integer::intValue).toArray());
    return taken;
  }

  private Schedule extended(Schedule schedule) {
    double[] all = Arrays.copyOf(schedule.start(), schedule.start().length + starts.size());
    for (int i = 0; i < starts.size(); i++) {
      all[schedule.start().length + i] = starts.get(i);
    }
    return new Schedule(all, makespan);
  }
}
