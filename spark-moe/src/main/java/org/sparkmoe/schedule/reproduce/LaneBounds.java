package org.sparkmoe.schedule.reproduce;

import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.policy.PolicyName;

/** How close to what is possible {@code best} comes: a lane cannot do its work in less time. */
final class LaneBounds {
  private LaneBounds() {}

  /** Time over the work of the busiest lane in each direction, of the very tasks of the plan. */
  static double overBusiestLane(PlannedStep step) {
    var plan = step.schedule(PolicyName.BEST).plan();
    double bound =
        most(work(plan.forward(), step.costs())) + most(work(plan.backward(), step.costs()));
    return step.time(PolicyName.BEST, 0) / bound;
  }

  /** Time over the busiest lanes with one chunk and one slice of everything. */
  static double overUncutBound(PlannedStep step) {
    return step.time(PolicyName.BEST, 0) / uncutBound(step);
  }

  /** The most that any schedule could gain over Tutel while backward follows forward. */
  static double limitOverTutel(PlannedStep step) {
    return step.time(PolicyName.TUTEL, 0) / uncutBound(step);
  }

  private static double uncutBound(PlannedStep step) {
    LayerWorkload layer = step.layer();
    CostModels costs = step.costs();
    double inter = 2 * costs.allToAll().time(layer.allToAll());
    double intra =
        costs.allGather().time(layer.intraNode())
            + costs.reduceScatter().time(layer.intraNode())
            + costs.allGather().time(layer.modelParallel())
            + costs.reduceScatter().time(layer.modelParallel());
    double compute =
        costs.expert().time(layer.expert()) + costs.attention().time(layer.attention());
    double allReduce = costs.allReduce().time(layer.gradient());
    return step.depth()
        * (Math.max(compute, Math.max(intra, inter))
            + Math.max(2 * compute, Math.max(intra, inter + allReduce)));
  }

  /** Names of the busiest lanes of {@code best}, forward and backward. */
  static String busiestLanes(PlannedStep step) {
    var plan = step.schedule(PolicyName.BEST).plan();
    return busiest(plan.forward(), step.costs()) + ", " + busiest(plan.backward(), step.costs());
  }

  private static String busiest(TaskGraph graph, CostModels costs) {
    return work(graph, costs).entrySet().stream()
        .max(Map.Entry.comparingByValue(Comparator.naturalOrder()))
        .map(entry -> entry.getKey().name().toLowerCase(Locale.ROOT).replace('_', '-'))
        .orElseThrow();
  }

  /** Share of start-ups in the work of the busiest lanes of {@code best}. */
  static double startUpShare(PlannedStep step) {
    var plan = step.schedule(PolicyName.BEST).plan();
    CostModels costs = step.costs();
    double startUps = 0;
    double all = 0;
    for (TaskGraph graph : List.of(plan.forward(), plan.backward())) {
      Map<Lane, Double> work = work(graph, costs);
      for (Task task : graph.tasks()) {
        if (work.get(task.lane()) == most(work)) {
          startUps += costs.time(task.kind(), Double.MIN_VALUE);
          all += costs.time(task);
        }
      }
    }
    return startUps / all;
  }

  private static Map<Lane, Double> work(TaskGraph graph, CostModels costs) {
    Map<Lane, Double> work = new EnumMap<>(Lane.class);
    for (Task task : graph.tasks()) {
      work.merge(task.lane(), costs.time(task), Double::sum);
    }
    return work;
  }

  private static double most(Map<Lane, Double> work) {
    return work.values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
  }
}
