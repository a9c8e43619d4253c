package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.FlowGraphs.Backward;
import org.sparkmoe.schedule.policy.FlowGraphs.Gradient;

/**
 * Tasks of a stack as a model runs them when chunks flow through whole blocks. A chunk of attention
 * is whole sequences, so chunks need nothing of each other; those of one attention and of one gate
 * still run in order, so that gradients are summed in the same one and ranks meet.
 */
final class TrainedFlowGraphs {
  private final Shape shape;
  private final FlowTasks tasks;

  /**
   * Numbers of chunks in one direction.
   *
   * @param attention of the dense part and its model-parallel communication
   * @param gate of gate, order and inverse order: as many as {@code moe}, or 1
   * @param moe from dispatch to combine
   */
  record Shape(int attention, int gate, int moe) {}

  private TrainedFlowGraphs(CostModels costs, Shape shape) {
    this.shape = shape;
    this.tasks = new FlowTasks(costs);
  }

  static FlowTasks forward(List<LayerWorkload> layers, CostModels costs, Shape shape) {
    TrainedFlowGraphs graphs = new TrainedFlowGraphs(costs, shape);
    int[] tokens = {};
    for (int i = 0; i < layers.size(); i++) {
      Block block = graphs.new Block("f" + i + ".", layers.get(i));
      int[] attended = block.dense(TaskKind.ATTENTION, tokens);
      int[] routed = block.tokens("gate", TaskKind.GATE, attended);
      int[] experts = block.toExperts(TaskKind.EXPERT, routed);
      tokens = block.tokens("inverse_order", TaskKind.INVERSE_ORDER, block.fromExperts(experts));
    }
    return graphs.tasks;
  }

  /**
   * @param splitExperts the experts' gradients by weight are tasks of their own
   */
  static Backward backward(
      List<LayerWorkload> layers, CostModels costs, Shape shape, boolean splitExperts) {
    TrainedFlowGraphs graphs = new TrainedFlowGraphs(costs, shape);
    List<Gradient> gradients = new ArrayList<>();
    int[] tokens = {};
    for (int i = layers.size() - 1; i >= 0; i--) {
      Block block = graphs.new Block("b" + i + ".", layers.get(i));
      TaskKind expert = splitExperts ? TaskKind.EXPERT_INPUT_GRADIENT : TaskKind.EXPERT_BACKWARD;
      int[] ordered = block.tokens("inverse_order", TaskKind.INVERSE_ORDER_BACKWARD, tokens);
      int[] experts = block.toExperts(expert, ordered);
      int[] combined = block.fromExperts(experts);
      if (splitExperts) {
        block.weightGradients(experts);
      }
      int[] routed = block.tokens("gate", TaskKind.GATE_BACKWARD, combined);
      tokens = block.dense(TaskKind.ATTENTION_BACKWARD, routed);
      gradients.add(new Gradient(block.lastAttention, layers.get(i).gradient()));
    }
    return new Backward(graphs.tasks, gradients);
  }

  /** Adds the tasks of one layer in one direction; arrays are chunks of a task, by index. */
  private final class Block {
    private final String prefix;
    private final LayerWorkload layer;
    private int lastAttention;

    Block(String prefix, LayerWorkload layer) {
      this.prefix = prefix;
      this.layer = layer;
    }

    int[] dense(TaskKind attention, int[] tokens) {
      int count = shape.attention();
      if (layer.modelParallel() == 0) {
        return attention(attention, tokens);
      }
      double elements = layer.modelParallel();
      int[] gathered = chunks("mp_all_gather", TaskKind.MP_ALL_GATHER, count, elements, tokens);
      int[] attended = attention(attention, gathered);
      return chunks("mp_reduce_scatter", TaskKind.MP_REDUCE_SCATTER, count, elements, attended);
    }

    private int[] attention(TaskKind kind, int[] input) {
      int[] chunks = ordered("attention", kind, shape.attention(), layer.attention(), input);
      lastAttention = chunks[chunks.length - 1];
      return chunks;
    }

    int[] tokens(String name, TaskKind kind, int[] input) {
      return ordered(name, kind, shape.gate(), layer.tokens(), input);
    }

    int[] toExperts(TaskKind kind, int[] input) {
      int count = shape.moe();
      int[] sent = chunks("dispatch", TaskKind.DISPATCH, count, layer.allToAll(), input);
      int[] gathered = chunks("all_gather", TaskKind.ALL_GATHER, count, layer.intraNode(), sent);
      return chunks("expert", kind, count, layer.expert(), gathered);
    }

    int[] fromExperts(int[] experts) {
      int count = shape.moe();
      int[] reduced =
          chunks("reduce_scatter", TaskKind.REDUCE_SCATTER, count, layer.intraNode(), experts);
      return chunks("combine", TaskKind.COMBINE, count, layer.allToAll(), reduced);
    }

    void weightGradients(int[] experts) {
      TaskKind kind = TaskKind.EXPERT_WEIGHT_GRADIENT;
      chunks("expert_weight_gradient", kind, experts.length, layer.expert(), experts);
    }

    private int[] chunks(String name, TaskKind kind, int count, double work, int[] input) {
      return tasks.addChunks(prefix, name, kind, count, work, input);
    }

    private int[] ordered(String name, TaskKind kind, int count, double work, int[] input) {
      return tasks.addChunksInOrder(prefix, name, kind, count, work, input);
    }
  }
}
