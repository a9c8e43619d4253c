package org.sparkmoe.moe.gate;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/** Rows of length 1. */
final class UnitVectors {
  private static final double SHORTEST = 1e-6;

  private UnitVectors() {}

  /**
   * Each row divided by its norm, or by 1e-6 if that is more.
   *
   * @param rows {@code [n, d]} f32 or f64
   */
  static Tensor of(Tensor rows) {
    Tensor norm = rows.norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, true);
    return rows.div(norm.clamp_min(new Scalar(SHORTEST)));
  }
}
