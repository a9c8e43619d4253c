package org.sparkmoe.kernel;

import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.TensorScope;

/**
 * Where device kernels run: a library, the stream of the calling thread, and how indices out of
 * range are reported.
 *
 * <p>Kernels take such an index for -1, so that memory stays whole, and keep the first of them in a
 * cell of device memory. Reading it waits for the device: {@code checkAtOnce} does so after every
 * kernel, for tests; otherwise {@link #checkIndices} does when it is called, outside of steps.
 */
final class Device {
  private static final long NO_FAULT = Long.MIN_VALUE;

  private final DeviceLibrary library;
  private final LongSupplier stream;
  private final boolean checkAtOnce;
  private final Map<Integer, Tensor> faults = new ConcurrentHashMap<>();

  private Device(DeviceLibrary library, LongSupplier stream, boolean checkAtOnce) {
    this.library = library;
    this.stream = stream;
    this.checkAtOnce = checkAtOnce;
  }

  /** The GPU, on libtorch's current stream. */
  static Device cuda(DeviceLibrary library) {
    return new Device(library, Device::currentStream, false);
  }

  /** As {@link #cuda}, or the CPU if the library is an emulation; waits after each kernel. */
  static Device checked(DeviceLibrary library) {
    boolean cuda = library.flavour().equals("cuda");
    return new Device(library, cuda ? Device::currentStream : () -> 0, true);
  }

  private static long currentStream() {
    try (CUDAStream current = torch_cuda.getCurrentCUDAStream()) {
      CUstream_st stream = current.stream();
      // The default stream is at address 0, for which JavaCPP has no object.
      return stream == null ? 0 : stream.address();
    }
  }

  DeviceLibrary library() {
    return library;
  }

  /** The address of the current stream. */
  long stream() {
    return stream.getAsLong();
  }

  void check(String kernel, int code) {
    library.check(kernel, code);
  }

  /** The address of the cell for indices out of range, on the device of {@code tensor}. */
  long fault(Tensor tensor) {
    return address(cell(tensor));
  }

  /** After a kernel: refuses an index out of range, if this device is checked. */
  void indicesUsed(String name, Tensor tensor, String limitName, long limit) {
    if (checkAtOnce) {
      OptionalLong fault = take(cell(tensor));
      if (fault.isPresent()) {
        throw RoutingArguments.outside(name, fault.getAsLong(), limitName, limit);
      }
    }
  }

  /**
   * Waits for the device and reports an index out of range that any kernel met since the last call.
   *
   * @throws IllegalArgumentException naming the index
   */
  void checkIndices() {
    for (Tensor cell : faults.values()) {
      OptionalLong fault = take(cell);
      if (fault.isPresent()) {
        throw new IllegalArgumentException(
            "a device kernel met the slot or expert %d, which is out of range"
                .formatted(fault.getAsLong()));
      }
    }
  }

  private static OptionalLong take(Tensor cell) {
    long value = cell.item_long();
    if (value == NO_FAULT) {
      return OptionalLong.empty();
    }
    try (TensorScope scope = TensorScope.open()) {
      cell.fill_(new Scalar(NO_FAULT));
    }
    return OptionalLong.of(value);
  }

  private Tensor cell(Tensor tensor) {
    return faults.computeIfAbsent(
        (int) tensor.device().index(),
        device -> {
          try (TensorScope scope = TensorScope.open();
              TensorOptions options =
                  tensor.options().dtype(new ScalarTypeOptional(ScalarType.Long))) {
            return TensorScope.keep(torch.full(new long[] {1}, new Scalar(NO_FAULT), options));
          }
        });
  }

  /** Where the elements of a tensor begin; 0 for none. */
  static long address(@Nullable Tensor tensor) {
    if (tensor == null) {
      return 0;
    }
    try (Pointer data = tensor.data_ptr()) {
      return data == null ? 0 : data.address();
    }
  }

  /** The number by which kernels, on the CPU and the GPU, know a floating dtype. */
  static int type(Tensor tensor) {
    return switch (tensor.scalar_type().intern()) {
      case Float -> 0;
      case Double -> 1;
      case BFloat16 -> 2;
      default ->
          throw new IllegalArgumentException(
              "dtype %s, allowed: Float, Double, BFloat16".formatted(tensor.scalar_type()));
    };
  }
}
