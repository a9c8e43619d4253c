package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.TaskKind;

/**
 * Schedules that treat a block as two things in a row, the dense part and the MoE layer, and chunk
 * the latter alone: all policies of the paper.
 *
 * @param name of the policy
 * @param intraNode lane of AllGather and ReduceScatter: their own, or the lane of all communication
 * @param gradients when dense gradients are summed
 * @param maxDegree largest r
 */
record BlockPolicy(String name, Lane intraNode, GradientRule gradients, int maxDegree)
    implements Policy {

  @Override
  public StepPlan plan(List<LayerWorkload> layers, CostModels costs) {
    Map<LayerWorkload, Options> known = new HashMap<>();
    List<Options> options = new ArrayList<>();
    for (LayerWorkload layer : layers) {
      options.add(known.computeIfAbsent(layer, work -> options(work, costs)));
    }
    GradientPlan plan = gradients.plan(backwardLayers(layers, options, costs), costs.allReduce());
    List<Integer> forward =
        options.stream().map(o -> DegreeOption.fastest(o.forward()).degree()).toList();
    BlockGraphs graphs = new BlockGraphs(name, intraNode);
    return new StepPlan(
        name,
        graphs.forward(layers, forward),
        graphs.backward(layers, plan),
        forward,
        plan.degrees());
  }

  /** The degrees that a layer may have in each direction. */
  private record Options(List<DegreeOption> forward, List<DegreeOption> backward) {}

  private Options options(LayerWorkload layer, CostModels costs) {
    List<DegreeOption> forward = options(layer, costs, Direction.FORWARD);
    List<DegreeOption> backward = options(layer, costs, Direction.BACKWARD);
    if (gradients.separateDegrees()) {
      return new Options(forward, backward);
    }
    int shared = 0;
    for (int i = 1; i < forward.size(); i++) {
      if (both(forward, backward, i) < both(forward, backward, shared)) {
        shared = i;
      }
    }
    return new Options(List.of(forward.get(shared)), List.of(backward.get(shared)));
  }

  private static double both(List<DegreeOption> forward, List<DegreeOption> backward, int i) {
    return forward.get(i).time() + backward.get(i).time();
  }

  private List<DegreeOption> options(LayerWorkload layer, CostModels costs, Direction direction) {
    return intraNode == Lane.INTRA_NODE
        ? DegreeOption.byFormula(layer, costs, direction, maxDegree)
        : DegreeOption.onOneCommunicationLane(layer, costs, direction, maxDegree);
  }

  private List<BackwardLayer> backwardLayers(
      List<LayerWorkload> layers, List<Options> options, CostModels costs) {
    List<BackwardLayer> backward = new ArrayList<>();
    for (int i = layers.size() - 1; i >= 0; i--) {
      backward.add(
          new BackwardLayer(
              options.get(i).backward(), window(layers.get(i), costs), layers.get(i).gradient()));
    }
    return backward;
  }

  private double window(LayerWorkload layer, CostModels costs) {
    return intraNode == Lane.INTRA_NODE
        ? denseWindow(layer, costs)
        : costs.time(Direction.BACKWARD.attention(), layer.attention());
  }

  /** Beside a lane of its own, model-parallel communication hides an all-reduce too. */
  static double denseWindow(LayerWorkload layer, CostModels costs) {
    return costs.time(Direction.BACKWARD.attention(), layer.attention())
        + costs.time(TaskKind.MP_ALL_GATHER, layer.modelParallel())
        + costs.time(TaskKind.MP_REDUCE_SCATTER, layer.modelParallel());
  }
}
