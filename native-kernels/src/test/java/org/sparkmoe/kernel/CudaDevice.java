package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.TensorScope;

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
    org.sparkmoe.kernel.Device device = org.sparkmoe.kernel.Device.checked(library);
    // Makes the cell for indices out of range now, not within a test that counts native objects.
    try (TensorScope scope = TensorScope.open()) {
      device.fault(there(torch.zeros(1)));
    }
    return device;
  }

  static Tensor there(Tensor tensor) {
    return tensor.to(new Device("cuda"), tensor.scalar_type());
  }

  static Tensor here(Tensor tensor) {
    return tensor.to(new Device("cpu"), tensor.scalar_type());
  }
}
