package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.SegmentTape;

/**
 * Order, exchange and inverse order. If no token is dropped, rows travel as many as there are; if
 * capacity bounds them, or the routing is dense, all places do.
 *
 * @param order over the experts' places
 * @param packed over one expert, whose places are the rows of all
 */
record ExpertVisit(Order order, Order packed, ExpertExchange exchange, boolean dropless) {

  /**
   * @param tokensSM {@code [S, M]}
   * @return {@code [S, M]}
   */
  Tensor run(
      SegmentTape tape, Tensor tokensSM, Routing routing, LayerHooks hooks, Schedule schedule) {
    if (dropless && routing instanceof SparseRouting sparse) {
      Packing packing = Packing.of(sparse, exchange.shape().experts());
      RaggedRows rows = exchange.ragged(packing.countsE(), schedule.parts());
      SparseRouting byRow = packing.routing(rows.capacity());
      Tensor ordered = packed.order(tape, tokensSM, byRow);
      Tensor results = exchange.run(tape, ordered, rows, hooks, schedule.execution());
      return packed.inverse(tape, results, byRow);
    }
    EvenRows rows = EvenRows.of(exchange.shape(), routing.capacity(), schedule.parts());
    Tensor ordered = order.order(tape, tokensSM, routing);
    Tensor results = exchange.run(tape, ordered, rows, hooks, schedule.execution());
    return order.inverse(tape, results, routing);
  }

  /**
   * @param parts L, the least common multiple of the degrees of both directions
   */
  record Schedule(MoeExecution execution, int parts) {}
}
