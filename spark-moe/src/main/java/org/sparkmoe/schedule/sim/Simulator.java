package org.sparkmoe.schedule.sim;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;

/**
 * Runs graphs over cost models. A lane starts its next task, in issue order, when the task before
 * it and all dependencies have ended.
 *
 * <p>With an interference coefficient c, a task that would take t alone advances at the rate 1 / (1
 * + c·k) while k other lanes are busy: 0 are ideal lanes, 1 means that two lanes gain nothing over
 * one.
 */
public final class Simulator {
  private final CostModels costs;
  private final double interference;

  private Simulator(CostModels costs, double interference) {
    if (!(interference >= 0)) {
      throw new IllegalArgumentException(
          "interference coefficient %s, must not be negative".formatted(interference));
    }
    this.costs = costs;
    this.interference = interference;
  }

  /** Lanes that do not disturb each other. */
  public static Simulator ideal(CostModels costs) {
    return new Simulator(costs, 0);
  }

  /** Lanes that slow each other by {@code interference}. */
  public static Simulator withInterference(CostModels costs, double interference) {
    return new Simulator(costs, interference);
  }

  /** When each task of {@code graph} runs. */
  public Timeline simulate(TaskGraph graph) {
    double[] start = new double[graph.tasks().size()];
    double[] end = new double[graph.tasks().size()];
    CompiledGraph.of(graph, costs).run(interference, start, end);
    List<Span> spans = new ArrayList<>(start.length);
    for (int i = 0; i < start.length; i++) {
      Task task = graph.tasks().get(i);
      spans.add(new Span(task.id(), task.lane(), start[i], end[i]));
    }
    return new Timeline(graph.name(), spans);
  }

  /** Milliseconds until all tasks of {@code graph} have ended. */
  public double makespan(TaskGraph graph) {
    return CompiledGraph.of(graph, costs).makespan(interference);
  }

  /**
   * Milliseconds below which no order of these very tasks can get: the work of the busiest lane,
   * start-ups included.
   */
  public double busiestLane(TaskGraph graph) {
    double[] busy = new double[Lane.values().length];
    double busiest = 0;
    for (Task task : graph.tasks()) {
      int lane = task.lane().ordinal();
      busy[lane] += costs.time(task);
      busiest = Math.max(busiest, busy[lane]);
    }
    return busiest;
  }
}
