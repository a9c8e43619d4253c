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
 * @param expert forward of a rank's experts, multiply-adds
 * @param attention forward of the dense part, multiply-adds
 * @param expertBackward gradients by input and by weight, by multiply-adds of forward; each of the
 *     two takes half
 * @param attentionBackward the same of the dense part
 * @param gate forward of gate and order, elements of the tokens
 * @param gateBackward the same, backward
 * @param inverseOrder forward of the inverse order, elements of the tokens
 * @param inverseOrderBackward the same, backward
 */
public record CostModels(
    CostModel allToAll,
    CostModel allGather,
    CostModel reduceScatter,
    CostModel allReduce,
    CostModel expert,
    CostModel attention,
    CostModel expertBackward,
    CostModel attentionBackward,
    CostModel gate,
    CostModel gateBackward,
    CostModel inverseOrder,
    CostModel inverseOrderBackward) {
  private static final CostModel NOTHING = new CostModel(0, 0);

  /** Backward doubles α and β of forward (§4.1); gate and order belong to attention. */
  public CostModels(
      CostModel allToAll,
      CostModel allGather,
      CostModel reduceScatter,
      CostModel allReduce,
      CostModel expert,
      CostModel attention) {
    this(
        allToAll,
        allGather,
        reduceScatter,
        allReduce,
        expert,
        attention,
        expert.times(2),
        attention.times(2),
        NOTHING,
        NOTHING,
        NOTHING,
        NOTHING);
  }

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
      case EXPERT -> expert.time(workload);
      case EXPERT_INPUT_GRADIENT, EXPERT_WEIGHT_GRADIENT -> expertBackward.time(workload) / 2;
      case EXPERT_BACKWARD -> expertBackward.time(workload);
      case ATTENTION -> attention.time(workload);
      case ATTENTION_INPUT_GRADIENT, ATTENTION_WEIGHT_GRADIENT ->
          attentionBackward.time(workload) / 2;
      case ATTENTION_BACKWARD -> attentionBackward.time(workload);
      case GATE -> gate.time(workload);
      case GATE_BACKWARD -> gateBackward.time(workload);
      case INVERSE_ORDER -> inverseOrder.time(workload);
      case INVERSE_ORDER_BACKWARD -> inverseOrderBackward.time(workload);
    };
  }
}
