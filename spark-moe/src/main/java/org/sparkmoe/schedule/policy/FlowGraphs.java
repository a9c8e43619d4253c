package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.FlowTasks.Name;

/**
 * Tasks of a stack through which chunks of tokens flow, from block to block without waiting for
 * each other (FlowMoE, arXiv 2510.00207, with expert sharding and a third lane).
 *
 * <p>A chunk is a run of consecutive tokens of each sequence, so attention of chunk i needs the
 * keys of chunks before it (in backward: the gradients of chunks after it): chunks of one attention
 * run in order. Gates decide per chunk.
 */
final class FlowGraphs {
  private final FlowShape shape;
  private final FlowTasks tasks;

  private FlowGraphs(CostModels costs, FlowShape shape) {
    this.shape = shape;
    this.tasks = new FlowTasks(costs);
  }

  static FlowTasks forward(List<LayerWorkload> layers, CostModels costs, FlowShape shape) {
    FlowGraphs graphs = new FlowGraphs(costs, shape);
    int[] tokens = {};
    for (int i = 0; i < layers.size(); i++) {
      Block block = graphs.block("f" + i + ".", layers.get(i));
      int[] gathered = block.modelParallelAllGather(tokens);
      int[] attentions = block.attention(TaskKind.ATTENTION, layers.get(i).attention(), gathered);
      int[] scattered = block.modelParallelReduceScatter(attentions);
      int[] experts = block.toExperts(TaskKind.EXPERT, scattered);
      tokens = block.fromExperts(experts);
    }
    return graphs.tasks;
  }

  /**
   * Tasks of backward.
   *
   * @param unsummed gradients whose Gradient-AllReduce is not among the tasks yet
   */
  record Backward(FlowTasks tasks, List<Gradient> unsummed) {}

  /**
   * The dense gradient of one layer.
   *
   * @param producer the task after which it exists
   */
  record Gradient(int producer, double elements) {}

  static Backward backward(List<LayerWorkload> layers, CostModels costs, BackwardShape shape) {
    FlowGraphs graphs = new FlowGraphs(costs, shape.flow());
    List<Gradient> gradients = new ArrayList<>();
    int[] tokens = {};
    for (int i = layers.size() - 1; i >= 0; i--) {
      Block block = graphs.block("b" + i + ".", layers.get(i));
      int[] combined = block.expertsBackward(shape.splitExperts(), tokens);
      int[] attentions = block.attentionBackward(shape.splitDense(), combined);
      tokens = block.modelParallelReduceScatter(attentions);
      int producer = block.denseGradient(shape.splitDense(), attentions);
      if (shape.gradientSlices() == 0) {
        gradients.add(new Gradient(producer, layers.get(i).gradient()));
      } else {
        block.allReduce(shape.gradientSlices(), producer);
      }
    }
    return new Backward(graphs.tasks, gradients);
  }

  /** Forward of one MoE layer alone. */
  static FlowTasks moeForward(LayerWorkload layer, CostModels costs, int degree) {
    FlowGraphs graphs = new FlowGraphs(costs, FlowShape.uniform(degree));
    Block block = graphs.block("", layer);
    block.fromExperts(block.toExperts(TaskKind.EXPERT, new int[] {}));
    return graphs.tasks;
  }

  /**
   * Backward of one MoE layer alone.
   *
   * @param split the gradient by weight of each chunk is a task of its own
   */
  static FlowTasks moeBackward(LayerWorkload layer, CostModels costs, int degree, boolean split) {
    FlowGraphs graphs = new FlowGraphs(costs, FlowShape.uniform(degree));
    Block block = graphs.block("", layer);
    TaskKind kind = split ? TaskKind.EXPERT_INPUT_GRADIENT : TaskKind.EXPERT_BACKWARD;
    int[] experts = block.toExperts(kind, new int[] {});
    block.fromExperts(experts);
    if (split) {
      block.expertWeightGradients(experts.length, experts);
    }
    return graphs.tasks;
  }

  private Block block(String prefix, LayerWorkload layer) {
    return new Block(tasks, shape, prefix, layer);
  }

  /** Adds the tasks of one layer in one direction; arrays are chunks of a task, by index. */
  private record Block(FlowTasks tasks, FlowShape shape, String prefix, LayerWorkload layer) {

    private int[] chunks(String name, TaskKind kind, int count, double work, int[] input) {
      return tasks.addChunks(prefix, name, kind, count, work, input);
    }

    private Name name(String task, int chunk) {
      return new Name(prefix, task, chunk);
    }

    int[] modelParallelAllGather(int[] tokens) {
      return chunks(
          "mp_all_gather",
          TaskKind.MP_ALL_GATHER,
          shape.modelParallel(),
          layer.modelParallel(),
          tokens);
    }

    /** Causal: each chunk runs after the one before it. */
    int[] attention(TaskKind kind, double work, int[] gathered) {
      return tasks.addChunksInOrder(prefix, "attention", kind, shape.dense(), work, gathered);
    }

    int[] modelParallelReduceScatter(int[] attentions) {
      return chunks(
          "mp_reduce_scatter",
          TaskKind.MP_REDUCE_SCATTER,
          shape.modelParallel(),
          layer.modelParallel(),
          attentions);
    }

    int[] toExperts(TaskKind kind, int[] tokens) {
      int[] dispatched =
          chunks("dispatch", TaskKind.DISPATCH, shape.moe(), layer.allToAll(), tokens);
      int[] gathered =
          chunks("all_gather", TaskKind.ALL_GATHER, shape.moe(), layer.intraNode(), dispatched);
      return chunks("expert", kind, shape.expert(), layer.expert(), gathered);
    }

    int[] fromExperts(int[] experts) {
      int[] scattered =
          chunks(
              "reduce_scatter", TaskKind.REDUCE_SCATTER, shape.moe(), layer.intraNode(), experts);
      return chunks("combine", TaskKind.COMBINE, shape.moe(), layer.allToAll(), scattered);
    }

    int[] expertsBackward(boolean split, int[] gradients) {
      TaskKind kind = split ? TaskKind.EXPERT_INPUT_GRADIENT : TaskKind.EXPERT_BACKWARD;
      int[] experts = toExperts(kind, gradients);
      int[] combined = fromExperts(experts);
      if (split) {
        expertWeightGradients(1, experts);
      }
      return combined;
    }

    void expertWeightGradients(int count, int[] experts) {
      chunks(
          "expert_weight_gradient",
          TaskKind.EXPERT_WEIGHT_GRADIENT,
          count,
          layer.expert(),
          experts);
    }

    int[] attentionBackward(boolean split, int[] gradients) {
      int[] gathered = modelParallelAllGather(gradients);
      return split
          ? attention(
              TaskKind.ATTENTION_INPUT_GRADIENT,
              2 * layer.attention() - layer.projections(),
              gathered)
          : attention(TaskKind.ATTENTION_BACKWARD, layer.attention(), gathered);
    }

    /** The task after which the dense gradient exists; a task of its own if it is split off. */
    int denseGradient(boolean split, int[] attentions) {
      int last = attentions[attentions.length - 1];
      return split
          ? tasks.add(
              name("attention_weight_gradient", 0),
              TaskKind.ATTENTION_WEIGHT_GRADIENT,
              layer.projections(),
              last)
          : last;
    }

    void allReduce(int slices, int producer) {
      for (int s = 0; s < slices; s++) {
        tasks.add(
            name("gradient_all_reduce", s),
            TaskKind.GRADIENT_ALL_REDUCE,
            layer.gradient() / slices,
            producer);
      }
    }
  }
}
