package org.sparkmoe.moe.hook;

import org.bytedeco.pytorch.Tensor;

/** A shorter form of a chunk, for the time it travels. */
interface Compression {

  /**
   * @param chunk {@code [n, M]} of the compute type
   * @return {@code [n, ...]} contiguous, of a dtype that communicators carry
   */
  Tensor compress(Tensor chunk);

  /** From what {@link #compress} made to {@code [n, M]} of the compute type. */
  Tensor restore(Tensor compressed);
}
