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
    Ordered ordered = order(tape, tokensSM, routing, schedule.parts());
    Tensor results =
        exchange.run(tape, ordered.buffer(), ordered.rows(), hooks, schedule.execution());
    return inverse(tape, results, ordered);
  }

  /**
   * Tokens in the experts' order.
   *
   * @param buffer {@code [E, C, M]} or {@code [1, R, M]}, as {@code rows} says
   * @param routing into the buffer
   */
  record Ordered(Tensor buffer, ExchangeRows rows, Order by, Routing routing) {}

  /**
   * @param tokensSM {@code [S, M]}
   * @param parts L
   */
  Ordered order(SegmentTape tape, Tensor tokensSM, Routing routing, int parts) {
    if (isRagged(routing)) {
      Packing packing = Packing.of((SparseRouting) routing, exchange.shape().experts());
      return packed(tape, tokensSM, packing, exchange.ragged(packing.countsE(), parts));
    }
    EvenRows rows = EvenRows.of(exchange.shape(), routing.capacity(), parts);
    return new Ordered(order.order(tape, tokensSM, routing), rows, order, routing);
  }

  /** As {@link #order}, in one part, while other tokens may be on their way. */
  Ordered orderBesideOthers(SegmentTape tape, Tensor tokensSM, Routing routing) {
    if (!isRagged(routing)) {
      return order(tape, tokensSM, routing, 1);
    }
    Packing packing = Packing.of((SparseRouting) routing, exchange.shape().experts());
    return packed(tape, tokensSM, packing, exchange.raggedBesideOthers(packing.countsE()));
  }

  private Ordered packed(SegmentTape tape, Tensor tokensSM, Packing packing, RaggedRows rows) {
    SparseRouting byRow = packing.routing(rows.capacity());
    return new Ordered(packed.order(tape, tokensSM, byRow), rows, packed, byRow);
  }

  /** Whether as many rows travel as there are tokens. */
  boolean isRagged(Routing routing) {
    return dropless && routing instanceof SparseRouting;
  }

  /**
   * @param results of the shape of the ordered tokens
   * @return {@code [S, M]}
   */
  static Tensor inverse(SegmentTape tape, Tensor results, Ordered ordered) {
    return ordered.by().inverse(tape, results, ordered.routing());
  }

  /**
   * @param parts L, the least common multiple of the degrees of both directions
   */
  record Schedule(MoeExecution execution, int parts) {}
}
