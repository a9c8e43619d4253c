package org.sparkmoe.kernel;

class EmulatedRoutingKernelsTest extends RoutingKernelsContract {
  private final RoutingKernels kernels = new DeviceRoutingKernels(EmulatedDevice.open());

  @Override
  RoutingKernels kernels() {
    return kernels;
  }
}
