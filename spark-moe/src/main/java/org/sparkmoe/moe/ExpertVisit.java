package org.sparkmoe.moe;

import java.util.function.Supplier;
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
        exchange.run(tape, ordered.buffer(), ordered.agreed().get(), hooks, schedule.execution());
    return inverse(tape, results, ordered);
  }

  /**
   * Tokens in the experts' order.
   *
   * @param buffer {@code [E, C, M]}, or {@code [1, R, M]} of which rows at the end may be unused,
   *     as the rows say
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
      PackedRouting byRow = byRow(routing);
      ExchangeRows rows = exchange.ragged(byRow, parts);
      return packed(tape, tokensSM, byRow, () -> rows);
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
    PackedRouting byRow = byRow(routing);
    return packed(tape, tokensSM, byRow, () -> exchange.raggedBesideOthers(byRow));
  }

  private PackedRouting byRow(Routing routing) {
    return routing instanceof SparseRouting sparse
        ? PackedRouting.of(sparse, exchange.shape().experts())
        : (PackedRouting) routing;
  }

  private Ordered packed(
      SegmentTape tape, Tensor tokensSM, PackedRouting byRow, Supplier<ExchangeRows> agreed) {
    SparseRouting overOne = byRow.overOne();
    return new Ordered(packed.order(tape, tokensSM, overOne), agreed, packed, overOne);
  }

  /** Whether as many rows travel as there are tokens. */
  boolean isRagged(Routing routing) {
    return dropless && !(routing instanceof DenseRouting);
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
