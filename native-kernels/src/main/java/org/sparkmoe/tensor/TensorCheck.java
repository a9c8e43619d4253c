package org.sparkmoe.tensor;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Checks of tensor arguments. Each throws an {@link IllegalArgumentException} that names the
 * argument, its shape or dtype, and what would be right.
 */
public final class TensorCheck {
  /** Stands for any length in {@link #shape}. */
  public static final long ANY = -1;

  private TensorCheck() {}

  /** The tensor's shape, elements. */
  public static long[] shapeOf(Tensor tensor) {
    return tensor.dim() == 0 ? new long[0] : tensor.sizes().vec().get();
  }

  /** Refuses a tensor that is not row-major without gaps. */
  public static void contiguous(String name, Tensor tensor) {
    if (!tensor.is_contiguous()) {
      throw new IllegalArgumentException(
          "%s of shape %s must be contiguous: call contiguous() first"
              .formatted(name, Arrays.toString(shapeOf(tensor))));
    }
  }

  /** Refuses a dtype that is not among {@code allowed}. */
  public static void dtype(String name, Tensor tensor, ScalarType... allowed) {
    ScalarType dtype = tensor.scalar_type().intern();
    List<ScalarType> choices = List.of(allowed);
    if (!choices.contains(dtype)) {
      throw new IllegalArgumentException(
          "%s has dtype %s, allowed: %s".formatted(name, dtype, choices));
    }
  }

  /**
   * Refuses another shape than {@code expected}.
   *
   * @param expected elements, {@link #ANY} for any length
   */
  public static void shape(String name, Tensor tensor, long... expected) {
    long[] actual = shapeOf(tensor);
    boolean fits = actual.length == expected.length;
    for (int d = 0; fits && d < actual.length; d++) {
      fits = expected[d] == ANY || expected[d] == actual[d];
    }
    if (!fits) {
      throw new IllegalArgumentException(
          "%s has shape %s, expected %s"
              .formatted(
                  name, Arrays.toString(actual), Arrays.toString(expected).replace("-1", "any")));
    }
  }
}
