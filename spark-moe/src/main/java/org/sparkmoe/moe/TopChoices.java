package org.sparkmoe.moe;

import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

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
    Tensor left = scores.detach().clone();
    TensorVector choices = new TensorVector();
    for (int i = 0; i < k; i++) {
      Tensor choice = left.argmax(new LongOptional(1), true);
      choices.push_back(choice);
      if (i + 1 < k) {
        left.scatter_(1, choice, new Scalar(Double.NEGATIVE_INFINITY));
      }
    }
    return torch.cat(choices, 1);
  }
}
