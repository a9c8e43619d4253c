package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorCheck;

/**
 * Shape of the token ids of one data-parallel rank.
 *
 * @param batch B, sequences
 * @param length L, tokens of a sequence
 */
record BatchShape(long batch, long length) {

  /** Of token ids {@code [B, L]} i64. */
  static BatchShape of(Tensor tokensBL) {
    long[] shape = TensorCheck.shapeOf(tokensBL);
    return new BatchShape(shape[0], shape[1]);
  }

  /** T = B·L. */
  long tokens() {
    return batch * length;
  }
}
