package org.sparkmoe.moe;

import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.HostReads;
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
        exchange.run(tape, ordered.buffer(), ordered.agreed().get(), hooks, schedule.execution());
    return inverse(tape, results, ordered);
  }

  /**
   * Tokens in the experts' order.
   *
   * @param buffer {@code [E, C, M]} or {@code [1, R, M]}, as the rows say
   * @param agreed which rows travel; may ask the other ranks, so all call it at the same time, and
   *     once
   * @param routing into the buffer
   */
  record Ordered(Tensor buffer, Supplier<ExchangeRows> agreed, Order by, Routing routing) {}

  /**
   * @param tokensSM {@code [S, M]}
   * @param parts L
   */
  Ordered order(SegmentTape tape, Tensor tokensSM, Routing routing, int parts) {
    if (isRagged(routing)) {
      Packing packing = Packing.of((SparseRouting) routing, exchange.shape().experts());
      RaggedRows rows = exchange.ragged(packing.countsE(), parts);
      return packed(tape, tokensSM, packing, rows.capacity(), () -> rows);
    }
    EvenRows rows = EvenRows.of(exchange.shape(), routing.capacity(), parts);
    return new Ordered(order.order(tape, tokensSM, routing), () -> rows, order, routing);
  }

  /**
   * As {@link #order}, in one part, while other tokens may be on their way: no rank waits for
   * another before the rows are agreed on.
   */
  Ordered orderBesideOthers(SegmentTape tape, Tensor tokensSM, Routing routing) {
    if (!isRagged(routing)) {
      return order(tape, tokensSM, routing, 1);
    }
    Packing packing = Packing.of((SparseRouting) routing, exchange.shape().experts());
    Tensor counts = packing.countsE();
    long capacity = Math.max(1, HostReads.longs(counts.sum())[0]);
    return packed(tape, tokensSM, packing, capacity, () -> exchange.raggedBesideOthers(counts));
  }

  private Ordered packed(
      SegmentTape tape,
      Tensor tokensSM,
      Packing packing,
      long capacity,
      Supplier<ExchangeRows> agreed) {
    SparseRouting byRow = packing.routing(capacity);
    return new Ordered(packed.order(tape, tokensSM, byRow), agreed, packed, byRow);
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
