package org.sparkmoe.model;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * softmax(q·kᵀ/√D)·v with every token seeing itself and those before it in its sequence. Documents
 * packed into one sequence see each other, as in GPT-2 and Megatron by default.
 *
 * <p>libtorch's fused attention is the way, except for bf16 on the CPU: there its inner products
 * have no fast kernel and take 10 to 40 times as long as bf16 matrix products around a softmax.
 * Those win while the scores of a sequence stay small; above, f32 is the fastest.
 */
final class CausalAttention {
  /** Longest sequence for which explicit bf16 attention was measured to beat fused f32. */
  private static final long LONGEST_EXPLICIT = 512;

  private CausalAttention() {}

  /**
   * @param q {@code [B, H, L, D]}
   * @param k {@code [B, H/g, L, D]}, each head for g consecutive heads of q
   * @param v as {@code k}
   * @return {@code [B·L, H·D]}
   */
  static Tensor apply(Tensor q, Tensor k, Tensor v) {
    long heads = q.size(1);
    Tensor attended = attend(q, repeated(k, heads), repeated(v, heads));
    return attended.transpose(1, 2).reshape(q.size(0) * q.size(2), heads * q.size(3));
  }

  private static Tensor attend(Tensor q, Tensor k, Tensor v) {
    if (!q.device().is_cpu() || q.scalar_type().intern() != ScalarType.BFloat16) {
      return fused(q, k, v);
    }
    if (q.size(2) <= LONGEST_EXPLICIT) {
      return explicit(q, k, v);
    }
    return fused(q.to(ScalarType.Float), k.to(ScalarType.Float), v.to(ScalarType.Float))
        .to(ScalarType.BFloat16);
  }

  static Tensor fused(Tensor q, Tensor k, Tensor v) {
    return torch.scaled_dot_product_attention(
        q, k, v, new TensorOptional(), 0, true, new DoubleOptional(), false);
  }

  static Tensor explicit(Tensor q, Tensor k, Tensor v) {
    long length = q.size(2);
    Scalar minusInfinity = new Scalar(Double.NEGATIVE_INFINITY);
    Tensor future = torch.full(new long[] {length, length}, minusInfinity, k.detach().options());
    Tensor scaled = q.mul(new Scalar(1 / Math.sqrt(q.size(3))));
    return scaled.matmul(k.transpose(2, 3)).add(future.triu(1)).softmax(3).matmul(v);
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
