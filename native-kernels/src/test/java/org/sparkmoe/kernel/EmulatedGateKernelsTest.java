package org.sparkmoe.kernel;

class EmulatedGateKernelsTest extends GateKernelsContract {
  private final GateKernels kernels = new DeviceGateKernels(EmulatedDevice.open());

  @Override
  GateKernels kernels() {
    return kernels;
  }
}
