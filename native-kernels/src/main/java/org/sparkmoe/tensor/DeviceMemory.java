package org.sparkmoe.tensor;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Makes tensors on a device without letting the host wait for it: constants are written there, and
 * values of the host are copied from memory that the device reads by itself. A copy from ordinary
 * memory would block until everything that the stream holds is done.
 */
public final class DeviceMemory {
  private DeviceMemory() {}

  /** Zeros of a shape; none for a scalar. */
  public static Tensor zeros(Device device, ScalarType type, long... shape) {
    return filled(0, device, type, shape);
  }

  /** The same value everywhere. */
  public static Tensor filled(double value, Device device, ScalarType type, long... shape) {
    try (TensorOptions options = options(device, type)) {
      return torch.full(shape, new Scalar(value), options);
    }
  }

  /** Memory of a shape, whose values are undefined. */
  public static Tensor empty(Device device, ScalarType type, long... shape) {
    try (TensorOptions options = options(device, type);
        MemoryFormatOptional any = new MemoryFormatOptional()) {
      return torch.empty(shape, options, any);
    }
  }

  private static TensorOptions options(Device device, ScalarType type) {
    try (TensorOptions ofType = new TensorOptions(type);
        DeviceOptional place = new DeviceOptional(device)) {
      return ofType.device(place);
    }
  }

  /**
   * Copies values of the host. They are cast there, and may be freed at once: libtorch keeps memory
   * that a device still reads from.
   *
   * @param onHost of any shape
   * @return of the same shape; {@code onHost} itself if it is what was asked for
   */
  public static Tensor copied(Tensor onHost, Device device, ScalarType type) {
    if (!device.is_cuda()) {
      return onHost.to(device, type);
    }
    Tensor pinned = onHost.to(type).pin_memory();
    return pinned.to(device, type, true, false, new MemoryFormatOptional());
  }
}
