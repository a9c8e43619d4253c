package org.sparkmoe.schedule.graph;

/** What a task does; the lane and the cost model follow from it (paper §3.1, §4.2). */
public enum TaskKind {
  GATE,
  ORDER,
  DISPATCH,
  ALL_GATHER,
  EXPERT,
  REDUCE_SCATTER,
  COMBINE,
  INVERSE_ORDER,
  EXPERT_WEIGHT_GRADIENT,
  ATTENTION,
  DENSE,
  GRADIENT_ALL_REDUCE
}
