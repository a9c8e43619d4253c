package org.sparkmoe.schedule.cost;

/**
 * The work of one generalised layer on one rank: the dense part and the MoE layer after it, in one
 * direction.
 *
 * @param allToAll elements of dispatch, and again of combine
 * @param intraNode elements of the ESP-AllGather, and again of the ESP-ReduceScatter
 * @param expert multiply-adds of the experts, forward
 * @param attention multiply-adds of the dense part, forward
 * @param projections the share of {@code attention} that multiplies by weights; its gradient by
 *     weight costs as much again, while the rest has inputs alone
 * @param modelParallel elements of the MP-AllGather, and again of the MP-ReduceScatter; 0 where
 *     there is no model parallelism
 * @param gradient elements of the dense gradient that is summed over the data-parallel group
 * @param tokens elements of the tokens that gate and order work on
 */
public record LayerWorkload(
    double allToAll,
    double intraNode,
    double expert,
    double attention,
    double projections,
    double modelParallel,
    double gradient,
    double tokens) {

  /** Where gate and order cost nothing, or belong to attention. */
  public LayerWorkload(
      double allToAll,
      double intraNode,
      double expert,
      double attention,
      double projections,
      double modelParallel,
      double gradient) {
    this(allToAll, intraNode, expert, attention, projections, modelParallel, gradient, 0);
  }
}
