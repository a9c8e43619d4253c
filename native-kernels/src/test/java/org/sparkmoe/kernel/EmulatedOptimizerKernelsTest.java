package org.sparkmoe.kernel;

class EmulatedOptimizerKernelsTest extends OptimizerKernelsContract {
  private final OptimizerKernels kernels = new DeviceOptimizerKernels(EmulatedDevice.open());

  @Override
  OptimizerKernels kernels() {
    return kernels;
  }
}
