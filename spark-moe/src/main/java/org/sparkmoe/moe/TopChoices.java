package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.kernel.GateKernels;

/** Top-k in which ties go to the lower index, which {@code torch.topk} does not promise. */
public final class TopChoices {
  private TopChoices() {}

  /**
   * The columns of the k largest of each row, largest first. {@code argmax} takes the first of
   * equal values, and a NaN as the largest.
   *
   * @param scores {@code [S, E]}, floating
   * @return {@code [S, k]} i64
   */
  public static Tensor of(Tensor scores, int k) {
    return GateKernels.best().largest(scores.detach(), k);
  }
}
