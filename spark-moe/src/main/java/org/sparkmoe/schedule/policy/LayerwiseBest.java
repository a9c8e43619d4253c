package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.sim.Simulator;

/**
 * {@code best} for a model that cuts MoE layers alone: over all degrees of both directions, orders
 * of the tasks of each layer and gradients by weight apart from those by input, with the simulated
 * time as the objective, gradient slices over the whole backward. Each direction falls back to
 * {@code fsmoe}'s graph where that is faster, so the policy is never slower than it.
 */
record LayerwiseBest(int maxDegree) implements Policy {

  @Override
  public StepPlan plan(List<LayerWorkload> layers, CostModels costs) {
    StepPlan fsmoe = PolicyName.FSMOE.policy(maxDegree).plan(layers, costs);
    StepPlan searched = search(layers, costs);
    Simulator simulator = Simulator.ideal(costs);
    boolean forward = simulator.makespan(searched.forward()) < simulator.makespan(fsmoe.forward());
    boolean backward =
        simulator.makespan(searched.backward()) < simulator.makespan(fsmoe.backward());
    return new StepPlan(
        PolicyName.BEST.toString(),
        (forward ? searched : fsmoe).forward(),
        (backward ? searched : fsmoe).backward(),
        (forward ? searched : fsmoe).forwardDegrees(),
        (backward ? searched : fsmoe).backwardDegrees());
  }

  private StepPlan search(List<LayerWorkload> layers, CostModels costs) {
    BlockGraphs graphs = new BlockGraphs(PolicyName.BEST.toString(), Lane.INTRA_NODE);
    List<List<MoeSchedule>> backward = schedules(layers, costs, Direction.BACKWARD);
    List<BackwardLayer> met = new ArrayList<>();
    for (int i = layers.size() - 1; i >= 0; i--) {
      LayerWorkload layer = layers.get(i);
      met.add(
          new BackwardLayer(
              backward.get(i).stream().map(moe -> moe.option(layer, costs)).toList(),
              BlockPolicy.denseWindow(layer, costs),
              layer.gradient()));
    }
    GradientPlan plan = new GradientPartitioner(costs.allReduce()).partition(met);
    List<MoeSchedule> forward =
        schedules(layers, costs, Direction.FORWARD).stream().map(LayerwiseBest::fastest).toList();
    return new StepPlan(
        PolicyName.BEST.toString(),
        graphs.forwardOf(layers, forward.stream().map(MoeSchedule::graph).toList()),
        graphs.backwardOf(layers, chosen(backward, plan.degrees()), plan),
        forward.stream().map(MoeSchedule::degree).toList(),
        plan.degrees());
  }

  /** For each layer its schedules by degree, from 1. */
  private List<List<MoeSchedule>> schedules(
      List<LayerWorkload> layers, CostModels costs, Direction direction) {
    Map<LayerWorkload, List<MoeSchedule>> known = new HashMap<>();
    return layers.stream()
        .map(
            layer ->
                known.computeIfAbsent(
                    layer,
                    work ->
                        IntStream.rangeClosed(1, maxDegree)
                            .mapToObj(r -> MoeSchedule.fastest(work, costs, direction, r))
                            .toList()))
        .toList();
  }

  private static MoeSchedule fastest(List<MoeSchedule> schedules) {
    return schedules.stream().min(Comparator.comparingDouble(MoeSchedule::time)).orElseThrow();
  }

  private static List<TaskGraph> chosen(List<List<MoeSchedule>> schedules, List<Integer> degrees) {
    return IntStream.range(0, degrees.size())
        .mapToObj(i -> schedules.get(i).get(degrees.get(i) - 1).graph())
        .toList();
  }
}
