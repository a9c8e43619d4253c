package org.sparkmoe.kernel;

class TorchOptimizerKernelsTest extends OptimizerKernelsContract {
  /** In pieces of which most tensors have several. */
  @Override
  OptimizerKernels kernels() {
    return new TorchOptimizerKernels(1 << 12);
  }
}
