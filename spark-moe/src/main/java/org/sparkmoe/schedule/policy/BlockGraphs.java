package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/**
 * Graphs of a stack in which dense parts and MoE layers follow each other and MoE layers are
 * chunked. In every lane all chunks go to the experts first, then the gradient slices run, then all
 * chunks come back (paper §4.2).
 */
final class BlockGraphs {
  private static final Set<TaskKind> FROM_EXPERTS =
      EnumSet.of(TaskKind.REDUCE_SCATTER, TaskKind.COMBINE);

  private final String policy;
  private final Lane intraNode;

  BlockGraphs(String policy, Lane intraNode) {
    this.policy = policy;
    this.intraNode = intraNode;
  }

  TaskGraph forward(List<LayerWorkload> layers, List<Integer> degrees) {
    return forwardOf(layers, moeLayers(layers, Direction.FORWARD, degrees));
  }

  /**
   * @param moe each layer's chunk tasks in issue order, with ids as {@link #moeLayer} gives them
   */
  TaskGraph forwardOf(List<LayerWorkload> layers, List<TaskGraph> moe) {
    GraphBuilder graph = new GraphBuilder(intraNode);
    List<String> input = List.of();
    for (int i = 0; i < layers.size(); i++) {
      Block block = new Block(graph, layers.get(i), "f" + i + ".", Direction.FORWARD);
      String dense = block.dense(input);
      input = block.moe(moe.get(i).tasks(), List.of(dense), () -> {});
    }
    return graph.build(policy + "-forward");
  }

  TaskGraph backward(List<LayerWorkload> layers, GradientPlan plan) {
    return backwardOf(layers, moeLayers(layers, Direction.BACKWARD, plan.degrees()), plan);
  }

  /**
   * @param moe each layer's chunk tasks in issue order, every dispatch before any combine
   */
  TaskGraph backwardOf(List<LayerWorkload> layers, List<TaskGraph> moe, GradientPlan plan) {
    GraphBuilder graph = new GraphBuilder(intraNode);
    AllReduces allReduces = new AllReduces(graph);
    List<String> input = List.of();
    for (int i = layers.size() - 1; i >= 0; i--) {
      Block block = new Block(graph, layers.get(i), "b" + i + ".", Direction.BACKWARD);
      List<Double> slices = plan.slices().get(i).moe();
      List<String> outbound = block.moe(moe.get(i).tasks(), input, () -> allReduces.add(slices));
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

  private List<TaskGraph> moeLayers(
      List<LayerWorkload> layers, Direction direction, List<Integer> degrees) {
    List<TaskGraph> moe = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      moe.add(moeLayer(layers.get(i), direction, degrees.get(i), List.of()));
    }
    return moe;
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

    /**
     * The layer's chunk tasks, gradient slices between the last that goes to the experts and the
     * first that comes back; returns those that nothing in the layer waits for.
     */
    List<String> moe(List<Task> tasks, List<String> input, Runnable addSlices) {
      Set<String> ends = new LinkedHashSet<>();
      int back = firstBack(tasks);
      for (int i = 0; i < tasks.size(); i++) {
        if (i == back) {
          addSlices.run();
        }
        Task task = tasks.get(i);
        List<String> inside = task.dependencies().stream().map(id -> prefix + id).toList();
        List<String> dependencies = inside.isEmpty() ? input : inside;
        inside.forEach(ends::remove);
        ends.add(graph.add(prefix + task.id(), task.kind(), task.workload(), dependencies));
      }
      return List.copyOf(ends);
    }

    /** Index of the first task from the experts after the last to them. */
    private static int firstBack(List<Task> tasks) {
      int last = -1;
      for (int i = 0; i < tasks.size(); i++) {
        last = tasks.get(i).kind() == TaskKind.DISPATCH ? i : last;
      }
      int back = last + 1;
      while (back < tasks.size() && !FROM_EXPERTS.contains(tasks.get(back).kind())) {
        back++;
      }
      return back;
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
