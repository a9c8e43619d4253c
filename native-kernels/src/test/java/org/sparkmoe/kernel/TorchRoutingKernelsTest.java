package org.sparkmoe.kernel;

class TorchRoutingKernelsTest extends RoutingKernelsContract {
  @Override
  RoutingKernels kernels() {
    return RoutingKernels.torch();
  }
}
