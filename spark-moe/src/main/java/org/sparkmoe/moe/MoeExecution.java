package org.sparkmoe.moe;

import java.util.Map;
import org.sparkmoe.schedule.graph.TaskGraph;

/**
 * How the tasks of one layer run, or those of several blocks, whose ids a prefix tells apart. The
 * layer binds bodies to the ids {@code dispatch.j, all_gather.j, expert.j, reduce_scatter.j,
 * combine.j} of chunk j in both directions, backward also {@code expert_weight_gradient.j}; without
 * that task the weight gradient belongs to {@code expert.j}. In backward {@code dispatch.j} is the
 * first AlltoAll in time, which is the adjoint of combine. Bodies of other tasks are the
 * execution's own.
 */
public interface MoeExecution {

  TaskGraph forward();

  TaskGraph backward();

  /**
   * Runs {@code graph}, and returns when all of it is done.
   *
   * @param bodies one for each task of the layer; may run on any thread, in the order of the graph
   */
  void run(TaskGraph graph, Map<String, Runnable> bodies);

  /**
   * One task after the other, without overlap; at degree 1 this is DeepSpeed-MoE's schedule.
   *
   * @param forwardDegree r in forward
   * @param backwardDegree r in backward
   */
  static MoeExecution sequential(int forwardDegree, int backwardDegree) {
    return SequentialExecution.of(forwardDegree, backwardDegree);
  }
}
