package org.sparkmoe.moe;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/** The places that a step's assignments got. */
public sealed interface Slots {

  /** {@code [S, K]} i64: the place of each assignment, or -1 if it has none. */
  Tensor slotsSK();

  /**
   * With the weights of the gate.
   *
   * @param weightsSK {@code [S, K]} f32 or f64; that of a dropped assignment is not used
   */
  Routing routing(Tensor weightsSK);

  /** {@code [S, K]} bool: which assignments have a place. */
  default Tensor kept() {
    return slotsSK().ge(new Scalar(0));
  }

  /**
   * Of experts that have equally many.
   *
   * @param slotsSK {@code e·C + p}
   * @param capacity C
   */
  record Bounded(Tensor slotsSK, long capacity) implements Slots {
    @Override
    public Routing routing(Tensor weightsSK) {
      return new SparseRouting(slotsSK, weightsSK, capacity);
    }
  }

  /**
   * Of experts that have as many as they need, the places of one after those of the other.
   *
   * @param countsE {@code [E]} i64 places of each expert
   */
  record Packed(Tensor slotsSK, Tensor countsE) implements Slots {
    @Override
    public Routing routing(Tensor weightsSK) {
      return new PackedRouting(slotsSK, weightsSK, countsE, slotsSK.numel());
    }
  }
}
