package org.sparkmoe.kernel;

class EmulatedLayerKernelsTest extends LayerKernelsContract {
  private final LayerKernels kernels = new DeviceLayerKernels(EmulatedDevice.open());

  @Override
  LayerKernels kernels() {
    return kernels;
  }
}
