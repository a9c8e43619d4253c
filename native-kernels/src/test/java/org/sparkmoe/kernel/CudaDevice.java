package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;

/** The GPU of the tests tagged {@code cuda}, which fail where there is none. */
final class CudaDevice {
  private CudaDevice() {}

  static org.sparkmoe.kernel.Device open() {
    DeviceLibrary library =
        DeviceLibrary.bundled()
            .orElseThrow(() -> new IllegalStateException("the build had no nvcc"));
    library
        .deviceProblem()
        .ifPresent(
            why -> {
              throw new IllegalStateException("no GPU to test on: " + why);
            });
    return org.sparkmoe.kernel.Device.checked(library);
  }

  static Tensor there(Tensor tensor) {
    return tensor.to(new Device("cuda"), tensor.scalar_type());
  }

  static Tensor here(Tensor tensor) {
    return tensor.to(new Device("cpu"), tensor.scalar_type());
  }
}
