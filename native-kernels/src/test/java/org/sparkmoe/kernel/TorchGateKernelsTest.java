package org.sparkmoe.kernel;

class TorchGateKernelsTest extends GateKernelsContract {
  @Override
  GateKernels kernels() {
    return GateKernels.torch();
  }
}
