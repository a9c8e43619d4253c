package org.sparkmoe.schedule.graph;

/**
 * What a task does; its cost model follows from the kind (paper §3.1, §4.2).
 *
 * <p>{@code ATTENTION} stands for everything dense before the MoE layer. Gate and order have tasks
 * of their own where chunks flow through whole blocks; elsewhere they belong to it. Kinds that end
 * in {@code BACKWARD} compute both gradients of their forward task; the two {@code ..._GRADIENT}
 * kinds compute one half each, so that the gradient by weight can wait for a hole in the schedule.
 */
public enum TaskKind {
  /** AllGather of the tokens over the model-parallel group, before attention. */
  MP_ALL_GATHER,
  ATTENTION,
  ATTENTION_BACKWARD,
  ATTENTION_INPUT_GRADIENT,
  ATTENTION_WEIGHT_GRADIENT,
  /** ReduceScatter over the model-parallel group, after attention. */
  MP_REDUCE_SCATTER,
  /** Norm, gate and order of a MoE layer. */
  GATE,
  GATE_BACKWARD,
  /** Results of a MoE layer in the order of its tokens, and their sum with the residual stream. */
  INVERSE_ORDER,
  INVERSE_ORDER_BACKWARD,
  /**
   * AlltoAll towards the experts: of tokens in forward, of output gradients in backward (there it
   * is the adjoint of combine).
   */
  DISPATCH,
  /** AllGather over the expert-sharding group, before the experts, in both directions. */
  ALL_GATHER,
  EXPERT,
  EXPERT_BACKWARD,
  EXPERT_INPUT_GRADIENT,
  EXPERT_WEIGHT_GRADIENT,
  /** ReduceScatter over the expert-sharding group, after the experts, in both directions. */
  REDUCE_SCATTER,
  /** AlltoAll back from the experts, in both directions. */
  COMBINE,
  /** A slice of the sum of dense gradients over the data-parallel group. */
  GRADIENT_ALL_REDUCE
}
