package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/**
 * Graphs of a stack in which dense parts and MoE layers follow each other and MoE layers are
 * chunked. In every lane all chunks go to the experts first, then the gradient slices run, then all
 * chunks come back (paper §4.2).
 */
final class BlockGraphs {
  private final String policy;
  private final Lane intraNode;

  BlockGraphs(String policy, Lane intraNode) {
    this.policy = policy;
    this.intraNode = intraNode;
  }

  TaskGraph forward(List<LayerWorkload> layers, List<Integer> degrees) {
    GraphBuilder graph = new GraphBuilder(intraNode);
    List<String> input = List.of();
    for (int i = 0; i < layers.size(); i++) {
      Block block = new Block(graph, layers.get(i), "f" + i + ".", Direction.FORWARD);
      String dense = block.dense(input);
      List<String> inbound = block.toExperts(List.of(dense), degrees.get(i));
      input = block.fromExperts(inbound);
    }
    return graph.build(policy + "-forward");
  }

  TaskGraph backward(List<LayerWorkload> layers, GradientPlan plan) {
    GraphBuilder graph = new GraphBuilder(intraNode);
    AllReduces allReduces = new AllReduces(graph);
    List<String> input = List.of();
    for (int i = layers.size() - 1; i >= 0; i--) {
      Block block = new Block(graph, layers.get(i), "b" + i + ".", Direction.BACKWARD);
      List<String> inbound = block.toExperts(input, plan.degrees().get(i));
      allReduces.add(plan.slices().get(i).moe());
      List<String> outbound = block.fromExperts(inbound);
      String gathered = block.modelParallelAllGather(outbound);
      allReduces.add(plan.slices().get(i).dense());
      input = List.of(block.denseAfterAllGather(gathered));
      allReduces.exists(block.attentionId(), layers.get(i).gradient());
    }
    if (plan.tail() > 0) {
      allReduces.add(List.of(plan.tail()));
    }
    return graph.build(policy + "-backward");
  }

  /** One layer alone: its MoE part, with {@code slices} of gradient that exist already. */
  TaskGraph moeLayer(LayerWorkload layer, Direction direction, int degree, List<Double> slices) {
    GraphBuilder graph = new GraphBuilder(intraNode);
    Block block = new Block(graph, layer, "", direction);
    List<String> inbound = block.toExperts(List.of(), degree);
    for (int s = 0; s < slices.size(); s++) {
      graph.add("gradient_all_reduce." + s, TaskKind.GRADIENT_ALL_REDUCE, slices.get(s), List.of());
    }
    block.fromExperts(inbound);
    return graph.build(policy + (direction == Direction.FORWARD ? "-forward" : "-backward"));
  }

  /** Numbers the slices and makes each wait for its gradients. */
  private static final class AllReduces {
    private final GraphBuilder graph;
    private final GradientQueue queue = new GradientQueue();
    private int count;

    AllReduces(GraphBuilder graph) {
      this.graph = graph;
    }

    void exists(String producer, double elements) {
      queue.add(producer, elements);
    }

    void add(List<Double> slices) {
      for (double slice : slices) {
        graph.add(
            "gradient_all_reduce." + count++,
            TaskKind.GRADIENT_ALL_REDUCE,
            slice,
            queue.take(slice));
      }
    }
  }

  /** Adds the tasks of one layer in one direction. */
  private record Block(
      GraphBuilder graph, LayerWorkload layer, String prefix, Direction direction) {

    String dense(List<String> dependencies) {
      return denseAfterAllGather(modelParallelAllGather(dependencies));
    }

    String modelParallelAllGather(List<String> dependencies) {
      return graph.add(
          prefix + "mp_all_gather", TaskKind.MP_ALL_GATHER, layer.modelParallel(), dependencies);
    }

    String attentionId() {
      return prefix + "attention";
    }

    String denseAfterAllGather(String gathered) {
      graph.add(attentionId(), direction.attention(), layer.attention(), gathered);
      return graph.add(
          prefix + "mp_reduce_scatter",
          TaskKind.MP_REDUCE_SCATTER,
          layer.modelParallel(),
          attentionId());
    }

    /** Every chunk up to its expert; returns the expert tasks. */
    List<String> toExperts(List<String> dependencies, int degree) {
      List<String> experts = new ArrayList<>();
      for (int j = 0; j < degree; j++) {
        String dispatch =
            graph.add(
                prefix + "dispatch." + j,
                TaskKind.DISPATCH,
                layer.allToAll() / degree,
                dependencies);
        String gather =
            graph.add(
                prefix + "all_gather." + j,
                TaskKind.ALL_GATHER,
                layer.intraNode() / degree,
                dispatch);
        experts.add(
            graph.add(prefix + "expert." + j, direction.expert(), layer.expert() / degree, gather));
      }
      return experts;
    }

    /** Every chunk back from its expert; returns the combine tasks. */
    List<String> fromExperts(List<String> experts) {
      int degree = experts.size();
      List<String> combines = new ArrayList<>();
      for (int j = 0; j < degree; j++) {
        String scatter =
            graph.add(
                prefix + "reduce_scatter." + j,
                TaskKind.REDUCE_SCATTER,
                layer.intraNode() / degree,
                experts.get(j));
        combines.add(
            graph.add(
                prefix + "combine." + j, TaskKind.COMBINE, layer.allToAll() / degree, scatter));
      }
      return combines;
    }
  }
}
