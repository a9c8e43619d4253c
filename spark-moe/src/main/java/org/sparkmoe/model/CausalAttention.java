package org.sparkmoe.model;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * softmax(q·kᵀ/√D)·v with every token seeing itself and those before it in its sequence. Documents
 * packed into one sequence see each other, as in GPT-2 and Megatron by default.
 */
final class CausalAttention {
  private CausalAttention() {}

  /**
   * @param q {@code [B, H, L, D]}
   * @param k {@code [B, H/g, L, D]}, each head for g consecutive heads of q
   * @param v as {@code k}
   * @return {@code [B·L, H·D]}
   */
  static Tensor apply(Tensor q, Tensor k, Tensor v) {
    long heads = q.size(1);
    Tensor attended =
        torch.scaled_dot_product_attention(
            q,
            repeated(k, heads),
            repeated(v, heads),
            new TensorOptional(),
            0,
            true,
            new DoubleOptional(),
            false);
    return attended.transpose(1, 2).reshape(q.size(0) * q.size(2), heads * q.size(3));
  }

  private static Tensor repeated(Tensor x, long heads) {
    if (x.size(1) == heads) {
      return x;
    }
    long group = heads / x.size(1);
    return x.unsqueeze(2)
        .expand(x.size(0), x.size(1), group, x.size(2), x.size(3))
        .reshape(x.size(0), heads, x.size(2), x.size(3));
  }
}
