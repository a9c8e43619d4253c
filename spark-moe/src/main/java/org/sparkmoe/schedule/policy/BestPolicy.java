package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.policy.ListScheduler.Schedule;
import org.sparkmoe.schedule.sim.Simulator;

/**
 * Our own policy: chunks flow through dense parts and MoE layers of the whole stack, gradients by
 * weight leave the flow and fill holes of the compute lane, gradient slices fill holes of the
 * inter-node lane. The shape is searched with the simulated time as the objective, roughly first,
 * then the most promising shapes with more passes of the list scheduler. Each direction falls back
 * to {@code fsmoe}'s graph where that is faster, so the policy is never slower than it.
 */
record BestPolicy(int maxDegree) implements Policy {
  private static final List<Integer> COUNTS = List.of(1, 2, 3, 4, 6, 8, 12);
  private static final List<Integer> STARTS = List.of(1, 2, 4);
  private static final int ROUGH_PASSES = 1;
  private static final int FINE_PASSES = 6;
  private static final int FINALISTS = 4;

  @Override
  public StepPlan plan(List<LayerWorkload> layers, CostModels costs) {
    StepPlan fsmoe = PolicyName.FSMOE.policy(maxDegree).plan(layers, costs);
    Simulator simulator = Simulator.ideal(costs);
    Candidate forward = forward(layers, costs);
    Candidate backward = backward(layers, costs);
    boolean forwardWins = forward.makespan() < simulator.makespan(fsmoe.forward());
    boolean backwardWins = backward.makespan() < simulator.makespan(fsmoe.backward());
    return new StepPlan(
        PolicyName.BEST.toString(),
        forwardWins ? forward.graph("best-forward") : fsmoe.forward(),
        backwardWins ? backward.graph("best-backward") : fsmoe.backward(),
        forwardWins ? forward.degrees(layers.size()) : fsmoe.forwardDegrees(),
        backwardWins ? backward.degrees(layers.size()) : fsmoe.backwardDegrees());
  }

  /** A shape with the best schedule found for it. */
  private record Candidate(FlowShape shape, FlowTasks tasks, Schedule schedule) {
    double makespan() {
      return schedule.makespan();
    }

    TaskGraph graph(String name) {
      return tasks.graph(name, schedule.order());
    }

    List<Integer> degrees(int layers) {
      return Collections.nCopies(layers, shape.moe());
    }
  }

  private Candidate forward(List<LayerWorkload> layers, CostModels costs) {
    ShapeSearch<FlowShape> search =
        new ShapeSearch<>(
            this::neighbours, shape -> forward(layers, costs, shape, ROUGH_PASSES).makespan());
    List<FlowShape> starts = STARTS.stream().map(FlowShape::uniform).toList();
    return search.best(starts, FINALISTS).stream()
        .map(shape -> forward(layers, costs, shape, FINE_PASSES))
        .min(Comparator.comparingDouble(Candidate::makespan))
        .orElseThrow();
  }

  private static Candidate forward(
      List<LayerWorkload> layers, CostModels costs, FlowShape shape, int passes) {
    FlowTasks tasks = FlowGraphs.forward(layers, costs, shape);
    return new Candidate(shape, tasks, new ListScheduler(tasks).schedule(passes));
  }

  private Candidate backward(List<LayerWorkload> layers, CostModels costs) {
    ShapeSearch<BackwardShape> search =
        new ShapeSearch<>(
            this::neighbours, shape -> backward(layers, costs, shape, ROUGH_PASSES).makespan());
    List<BackwardShape> starts =
        STARTS.stream()
            .map(count -> new BackwardShape(FlowShape.uniform(count), true, true, 0))
            .toList();
    return search.best(starts, FINALISTS).stream()
        .map(shape -> backward(layers, costs, shape, FINE_PASSES))
        .min(Comparator.comparingDouble(Candidate::makespan))
        .orElseThrow();
  }

  private static Candidate backward(
      List<LayerWorkload> layers, CostModels costs, BackwardShape shape, int passes) {
    FlowGraphs.Backward flow = FlowGraphs.backward(layers, costs, shape);
    Schedule schedule = new ListScheduler(flow.tasks()).schedule(passes);
    Schedule filled = HoleFilling.fill(flow.tasks(), costs.allReduce(), flow.unsummed(), schedule);
    return new Candidate(shape.flow(), flow.tasks(), filled);
  }

  private List<BackwardShape> neighbours(BackwardShape shape) {
    List<BackwardShape> neighbours = new ArrayList<>();
    neighbours(shape.flow()).forEach(flow -> neighbours.add(shape.with(flow)));
    boolean experts = shape.splitExperts();
    boolean dense = shape.splitDense();
    neighbours.add(new BackwardShape(shape.flow(), !experts, dense, shape.gradientSlices()));
    neighbours.add(new BackwardShape(shape.flow(), experts, !dense, shape.gradientSlices()));
    for (int slices = 0; slices <= 4; slices++) {
      neighbours.add(new BackwardShape(shape.flow(), experts, dense, slices));
    }
    return neighbours;
  }

  private List<FlowShape> neighbours(FlowShape shape) {
    List<FlowShape> neighbours = new ArrayList<>();
    for (int step : new int[] {-1, 1}) {
      int d = shifted(shape.dense(), step);
      int p = shifted(shape.modelParallel(), step);
      int m = shifted(shape.moe(), step);
      int e = shifted(shape.expert(), step);
      neighbours.add(new FlowShape(d, p, m, e));
      neighbours.add(new FlowShape(d, p, shape.moe(), shape.expert()));
      neighbours.add(new FlowShape(shape.dense(), shape.modelParallel(), m, e));
      neighbours.add(new FlowShape(shape.dense(), p, shape.moe(), shape.expert()));
      neighbours.add(new FlowShape(shape.dense(), shape.modelParallel(), shape.moe(), e));
    }
    return neighbours;
  }

  private int shifted(int count, int step) {
    int index = COUNTS.indexOf(count) + step;
    return index < 0 || index >= COUNTS.size() || COUNTS.get(index) > maxDegree
        ? count
        : COUNTS.get(index);
  }
}
