package org.sparkmoe.collective;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.TensorCheck;

/** Refuses arguments of collectives that cannot be right, before anything is sent. */
final class OperationArguments {
  private OperationArguments() {}

  static void tensor(String name, Tensor tensor) {
    TensorCheck.dtype(
        name, tensor, ScalarType.Float, ScalarType.Double, ScalarType.BFloat16, ScalarType.Long);
    TensorCheck.contiguous(name, tensor);
  }

  static void pair(Tensor output, Tensor input) {
    tensor("output", output);
    tensor("input", input);
    TensorCheck.dtype("output", output, input.scalar_type().intern());
    if (output.dim() == 0 || input.dim() == 0) {
      throw new IllegalArgumentException("output and input must have at least one dimension");
    }
    long[] outputShape = TensorCheck.shapeOf(output);
    long[] inputShape = TensorCheck.shapeOf(input);
    if (!Arrays.equals(row(outputShape), row(inputShape))) {
      throw new IllegalArgumentException(
          "output %s and input %s must have rows of the same shape"
              .formatted(Arrays.toString(outputShape), Arrays.toString(inputShape)));
    }
  }

  /** {@code large} has {@code size} times the rows of {@code small}. */
  static void rows(String largeName, Tensor large, String smallName, Tensor small, int size) {
    if (large.size(0) != size * small.size(0)) {
      throw new IllegalArgumentException(
          "%s has %d rows, but %d ranks with %d rows of %s each make %d"
              .formatted(
                  largeName, large.size(0), size, small.size(0), smallName, size * small.size(0)));
    }
  }

  static void splits(String name, Tensor tensor, long[] rows, int size) {
    if (rows.length != size || Arrays.stream(rows).anyMatch(count -> count < 0)) {
      throw new IllegalArgumentException(
          "%sRows %s must hold %d counts, none negative"
              .formatted(name, Arrays.toString(rows), size));
    }
    if (Arrays.stream(rows).sum() != tensor.size(0)) {
      throw new IllegalArgumentException(
          "%sRows %s add up to %d, but %s has %d rows"
              .formatted(
                  name, Arrays.toString(rows), Arrays.stream(rows).sum(), name, tensor.size(0)));
    }
  }

  static void root(int root, int size) {
    if (root < 0 || root >= size) {
      throw new IllegalArgumentException(
          "root %d must be a rank of the group, 0 to %d".formatted(root, size - 1));
    }
  }

  static long[] evenSplits(String name, Tensor tensor, int size) {
    if (tensor.size(0) % size != 0) {
      throw new IllegalArgumentException(
          "%s has %d rows, which %d ranks do not divide".formatted(name, tensor.size(0), size));
    }
    long[] rows = new long[size];
    Arrays.fill(rows, tensor.size(0) / size);
    return rows;
  }

  private static long[] row(long[] shape) {
    return Arrays.copyOfRange(shape, 1, shape.length);
  }
}
