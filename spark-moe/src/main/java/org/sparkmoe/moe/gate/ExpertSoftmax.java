package org.sparkmoe.moe.gate;

import org.bytedeco.pytorch.Tensor;

/**
 * Softmax over experts. libtorch fills vector registers along a row, and on the CPU takes one
 * number after another if a row is shorter than a register; few experts are therefore transposed,
 * which fills them along the tokens.
 */
final class ExpertSoftmax {
  /** Of f32 in the widest register there is. */
  private static final long REGISTER = 16;

  private ExpertSoftmax() {}

  /**
   * @param logitsSE {@code [S, E]} f32 or f64, of all experts or the chosen ones
   * @return {@code [S, E]} under autograd, contiguous
   */
  static Tensor of(Tensor logitsSE) {
    return logitsSE.size(1) < REGISTER && logitsSE.is_cpu()
        ? logitsSE.t().contiguous().softmax(0).t().contiguous()
        : logitsSE.softmax(1);
  }
}
