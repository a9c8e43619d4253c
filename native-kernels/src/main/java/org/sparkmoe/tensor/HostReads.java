package org.sparkmoe.tensor;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Reads of tensors by the host. On a GPU each blocks until the stream that computes the values has
 * come to its end, and lets it run empty: so all reads of a step go through here, where they are
 * counted.
 */
public final class HostReads {
  private static final ThreadLocal<long[]> OF_THREAD = ThreadLocal.withInitial(() -> new long[1]);

  private HostReads() {}

  /** How many reads the calling thread has made since it began. */
  public static long count() {
    return OF_THREAD.get()[0];
  }

  /** Row-major values of a tensor of any shape, dtype and device. */
  public static double[] doubles(Tensor tensor) {
    double[] values = new double[Math.toIntExact(tensor.numel())];
    try (TensorScope scope = TensorScope.open()) {
      onHost(tensor, ScalarType.Double).data_ptr_double().get(values);
    }
    return values;
  }

  /** Row-major values of a tensor of integers of any shape and device. */
  public static long[] longs(Tensor tensor) {
    long[] values = new long[Math.toIntExact(tensor.numel())];
    try (TensorScope scope = TensorScope.open()) {
      onHost(tensor, ScalarType.Long).data_ptr_long().get(values);
    }
    return values;
  }

  private static Tensor onHost(Tensor tensor, ScalarType type) {
    OF_THREAD.get()[0]++;
    // The dtype changes after the copy, which is then the smaller one.
    return tensor.detach().to(new Device("cpu"), tensor.scalar_type()).to(type).contiguous();
  }
}
