package org.sparkmoe.moe.hook;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.Hook;
import org.sparkmoe.moe.HookContext;
import org.sparkmoe.moe.HookPoint;

/**
 * Compresses before each AlltoAll and restores after it, in both directions (the paper's example of
 * hooks, §3.1). Rounding counts as the identity in backward; gradients are rounded in the same way.
 *
 * <p>Values are rounded also where nothing travels, so that results do not depend on the layout. It
 * must be the only hook that changes what travels.
 */
record CompressionHook(Compression compression) implements Hook {

  @Override
  public Tensor forward(HookPoint point, Tensor value, HookContext context) {
    return switch (point) {
      case BEFORE_DISPATCH, BEFORE_COMBINE -> compression.compress(value);
      case AFTER_DISPATCH, AFTER_COMBINE -> compression.restore(value);
      case BEFORE_MOE_START, BEFORE_MOE_END -> value;
    };
  }

  @Override
  public Tensor backward(HookPoint point, Tensor gradient, HookContext context) {
    return switch (point) {
      case AFTER_DISPATCH, AFTER_COMBINE -> compression.compress(gradient);
      case BEFORE_DISPATCH, BEFORE_COMBINE -> compression.restore(gradient);
      case BEFORE_MOE_START, BEFORE_MOE_END -> gradient;
    };
  }
}
