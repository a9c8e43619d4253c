package org.sparkmoe.kernel;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.pytorch.global.torch;

/** Device kernels compiled for the CPU: the same source as on the GPU, threads as fibers. */
final class EmulatedDevice {
  private EmulatedDevice() {}

  static Device open() {
    Device device = Device.checked(library());
    // Makes the cell for indices out of range now, not within a test that counts native objects.
    device.fault(torch.zeros(1));
    return device;
  }

  static DeviceLibrary library() {
    Path library = Path.of("target", "emulation", "libsparkmoe_emulation.so");
    assumeTrue(Files.exists(library), "the build had no g++ to compile the emulation with");
    return DeviceLibrary.open(library);
  }
}
