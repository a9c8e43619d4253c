package org.sparkmoe.kernel;

/** Optimiser kernels on the device, {@code adamw.cu}. */
final class DeviceOptimizerKernels implements OptimizerKernels {
  private final Device device;

  DeviceOptimizerKernels(Device device) {
    this.device = device;
  }

  @Override
  public void adamW(Flat flat, Factors factors) {
    OptimizerArguments.adamW(flat);
    device.check(
        "AdamW",
        DeviceLibrary.adamW(
            device.library().table(),
            device.stream(),
            Device.type(flat.values()),
            flat.values().numel(),
            factors.gradient(),
            factors.decay(),
            factors.beta1(),
            factors.beta2(),
            factors.epsilon(),
            factors.step(),
            Device.address(flat.values()),
            Device.address(flat.gradients()),
            Device.address(flat.firstMoments()),
            Device.address(flat.secondMoments()),
            Device.address(flat.copy())));
    flat.values().unsafeGetTensorImpl().bump_version();
  }
}
