package org.sparkmoe.schedule.cost;

import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskKind;

/**
 * The cost models of one job: what each kind of task costs.
 *
 * @param allToAll elements that a rank sends
 * @param allGather elements that a rank holds afterwards
 * @param reduceScatter elements that a rank holds before
 * @param allReduce elements
 * @param expert forward of a rank's experts, multiply-adds; backward doubles α and β (§4.1)
 * @param attention forward of the dense part, multiply-adds; backward doubles α and β
 */
public record CostModels(
    CostModel allToAll,
    CostModel allGather,
    CostModel reduceScatter,
    CostModel allReduce,
    CostModel expert,
    CostModel attention) {

  /** Milliseconds that {@code task} takes on an otherwise idle machine. */
  public double time(Task task) {
    return time(task.kind(), task.workload());
  }

  /** Milliseconds for {@code workload} units of {@code kind}; no work has no start-up either. */
  public double time(TaskKind kind, double workload) {
    if (workload == 0) {
      return 0;
    }
    return switch (kind) {
      case DISPATCH, COMBINE -> allToAll.time(workload);
      case ALL_GATHER, MP_ALL_GATHER -> allGather.time(workload);
      case REDUCE_SCATTER, MP_REDUCE_SCATTER -> reduceScatter.time(workload);
      case GRADIENT_ALL_REDUCE -> allReduce.time(workload);
      case EXPERT, EXPERT_INPUT_GRADIENT, EXPERT_WEIGHT_GRADIENT -> expert.time(workload);
      case EXPERT_BACKWARD -> 2 * expert.time(workload);
      case ATTENTION, ATTENTION_INPUT_GRADIENT, ATTENTION_WEIGHT_GRADIENT ->
          attention.time(workload);
      case ATTENTION_BACKWARD -> 2 * attention.time(workload);
    };
  }
}
