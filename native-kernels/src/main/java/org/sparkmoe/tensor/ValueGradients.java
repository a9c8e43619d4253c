package org.sparkmoe.tensor;

import java.util.IdentityHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Gradients that wait for the work that takes them, by the identity of the value's Java {@link
 * Tensor} object. Several threads may use it, each for values of its own.
 */
public final class ValueGradients {
  private final Map<Tensor, Tensor> byValue = new IdentityHashMap<>();

  /** Adds to what the value has so far; both of the value's shape and dtype. */
  public void add(Tensor value, Tensor gradient) {
    Tensor before = take(value);
    Tensor sum = before == null ? gradient : before.add(gradient);
    synchronized (byValue) {
      byValue.put(value, sum);
    }
  }

  /** Removes the value's gradient; null if nothing has flowed back to it. */
  public @Nullable Tensor take(Tensor value) {
    synchronized (byValue) {
      return byValue.remove(value);
    }
  }
}
