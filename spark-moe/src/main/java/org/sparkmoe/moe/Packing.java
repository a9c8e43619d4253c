package org.sparkmoe.moe;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The places of a routing that are in use, closed up: the rows of one expert after those of the
 * other, in the order of their places.
 *
 * @param slotsSK {@code [S, K]} i64 row, -1 dropped
 * @param weightsSK {@code [S, K]}, those of the routing
 * @param countsE {@code [E]} i64 rows of each expert
 */
record Packing(Tensor slotsSK, Tensor weightsSK, Tensor countsE) {

  static Packing of(SparseRouting routing, int experts) {
    Tensor slots = routing.slotsSK();
    Tensor kept = slots.ge(new Scalar(0));
    long places = experts * routing.capacity();
    // Dropped ones fall into a place that is cut off.
    Tensor target = torch.where(kept, slots, new Scalar(places)).reshape(-1);
    Tensor used =
        torch
            .zeros(new long[] {places + 1}, slots.options())
            .index_fill_(0, target, new Scalar(1L))
            .narrow(0, 0, places);
    Tensor end = torch.zeros(new long[] {1}, slots.options());
    Tensor rows = torch.cat(new TensorVector(used.cumsum(0).sub(new Scalar(1L)), end));
    Tensor packed = rows.index_select(0, target).view_as(slots);
    return new Packing(
        torch.where(kept, packed, new Scalar(-1L)),
        routing.weightsSK(),
        used.view(experts, routing.capacity()).sum(1));
  }

  /**
   * As a routing over one expert, whose places are the rows of all.
   *
   * @param capacity R, at least the sum of {@code countsE}
   */
  SparseRouting routing(long capacity) {
    return new SparseRouting(slotsSK, weightsSK, capacity);
  }
}
