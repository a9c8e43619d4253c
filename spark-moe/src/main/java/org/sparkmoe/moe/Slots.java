package org.sparkmoe.moe;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * The places that a step's assignments got.
 *
 * @param slotsSK {@code [S, K]} i64, {@code e·C + p}, or -1 if dropped
 * @param capacity C
 */
public record Slots(Tensor slotsSK, long capacity) {

  /** {@code [S, K]} bool: which assignments have a place. */
  public Tensor kept() {
    return slotsSK.ge(new Scalar(0));
  }
}
