package org.sparkmoe.schedule.policy;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.sim.Simulator;

/**
 * The fastest order found for the tasks of one MoE layer at one degree, in one direction, on three
 * lanes.
 *
 * @param degree r
 * @param graph its tasks in issue order, every dispatch before any combine
 * @param time milliseconds in the simulator
 */
record MoeSchedule(int degree, TaskGraph graph, double time) {
  private static final int PASSES = 6;

  /**
   * Tries the paper's order and list schedules, in backward also with the experts' gradients by
   * weight as tasks of their own, which fill holes of the compute lane.
   */
  static MoeSchedule fastest(
      LayerWorkload layer, CostModels costs, Direction direction, int degree) {
    Stream<TaskGraph> listed =
        direction == Direction.FORWARD
            ? Stream.of(listed(FlowGraphs.moeForward(layer, costs, degree)))
            : Stream.of(false, true)
                .map(split -> listed(FlowGraphs.moeBackward(layer, costs, degree, split)));
    TaskGraph plain = LayerGraphs.threeLanes(layer, direction, degree, List.of());
    Simulator simulator = Simulator.ideal(costs);
    return Stream.concat(Stream.of(plain), listed.filter(MoeSchedule::dispatchesFirst))
        .map(graph -> new MoeSchedule(degree, graph, simulator.makespan(graph)))
        .min(Comparator.comparingDouble(MoeSchedule::time))
        .orElseThrow();
  }

  private static TaskGraph listed(FlowTasks tasks) {
    return tasks.graph("listed", new ListScheduler(tasks).schedule(PASSES).order());
  }

  private static boolean dispatchesFirst(TaskGraph graph) {
    boolean combined = false;
    for (Task task : graph.tasks()) {
      combined |= task.kind() == TaskKind.COMBINE;
      if (combined && task.kind() == TaskKind.DISPATCH) {
        return false;
      }
    }
    return true;
  }

  /**
   * With dispatches, an all-reduce of t and combines in this order on the inter-node lane, the
   * layer takes max(time, all AlltoAlls + t): combines that have waited run back to back.
   */
  DegreeOption option(LayerWorkload layer, CostModels costs) {
    double allToAlls = 2 * degree * costs.allToAll().time(layer.allToAll() / degree);
    return new DegreeOption(degree, time, Math.max(0, time - allToAlls));
  }
}
