package org.sparkmoe.moe;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.kernel.RoutingKernels;

/**
 * Each token has up to K places in a buffer {@code [1, R, M]} without gaps: the rows of one expert
 * after those of the other, as many as it has. Rows at the end of the buffer may be unused.
 *
 * @param slotsSK {@code [S, K]} i64 row, or -1 if there is none
 * @param weightsSK {@code [S, K]} f32 or f64; that of an assignment without a row is not used
 * @param countsE {@code [E]} i64 rows of each expert
 * @param capacity R at most, known without asking the device
 */
public record PackedRouting(Tensor slotsSK, Tensor weightsSK, Tensor countsE, long capacity)
    implements Routing {

  /** The places of a routing that are in use, closed up. An expert's rows follow its tokens. */
  static PackedRouting of(SparseRouting routing, int experts) {
    Tensor slots = routing.slotsSK();
    // Rounds down, so that -1 stays -1. One column, because K may be E.
    Tensor chosen = slots.floor_divide(new Scalar(routing.capacity())).reshape(-1, 1);
    RoutingKernels.Packed packed = RoutingKernels.best().packedRows(chosen, experts, false);
    long most = Math.min(slots.numel(), experts * routing.capacity());
    return new PackedRouting(
        packed.rows().view_as(slots), routing.weightsSK(), packed.counts(), most);
  }

  /** As a routing over one expert, whose places are the rows of all. */
  SparseRouting overOne() {
    return new SparseRouting(slotsSK, weightsSK, capacity);
  }

  @Override
  public Tensor[] differentiable() {
    return new Tensor[] {weightsSK};
  }

  @Override
  public PackedRouting with(Tensor[] differentiable) {
    return new PackedRouting(slotsSK, differentiable[0], countsE, capacity);
  }
}
