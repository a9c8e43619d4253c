package org.sparkmoe.kernel;

class TorchLayerKernelsTest extends LayerKernelsContract {
  @Override
  LayerKernels kernels() {
    return LayerKernels.torch();
  }
}
