package org.sparkmoe.moe;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.DeviceMemory;

/**
 * Random numbers as a hash (SplitMix64's finalizer) of seed, step, micro-batch, layer, stream and
 * the token's global position: the same for a token wherever it is computed and however often.
 */
final class TokenRandom {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private final StepContext context;
  private final int layer;
  private final long tokens;

  TokenRandom(StepContext context, int layer, long tokens) {
    this.context = context;
    this.layer = layer;
    this.tokens = tokens;
  }

  /**
   * {@code [tokens, columns]} of dtype and device of {@code like}, in (0, 1): odd multiples of
   * 2^-24, so that none is rounded in f32.
   */
  Tensor uniform(int stream, int columns, Tensor like) {
    long key = mix(context.seed());
    for (long part : new long[] {context.step(), context.microBatch(), layer, stream, columns}) {
      key = mix(key ^ mix(part + GOLDEN));
    }
    float[] values = new float[Math.toIntExact(tokens * columns)];
    long first = context.firstToken() * columns;
    for (int i = 0; i < values.length; i++) {
      values[i] = ((mix(key + (first + i) * GOLDEN) >>> 41) + 0.5f) * 0x1p-23f;
    }
    return DeviceMemory.copied(
        Tensor.create(values, tokens, columns), like.device(), like.scalar_type());
  }

  /** {@code [tokens, columns]} of the dtype of {@code like}, standard normal (Box–Muller). */
  Tensor normal(int stream, int columns, Tensor like) {
    Tensor radius = uniform(2 * stream, columns, like);
    Tensor angle = uniform(2 * stream + 1, columns, like);
    radius.log_().mul_(new Scalar(-2.0)).sqrt_();
    return radius.mul_(angle.mul_(new Scalar(2 * Math.PI)).cos_());
  }

  private static long mix(long value) {
    long z = value;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
