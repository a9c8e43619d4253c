package org.sparkmoe.kernel;

/** Leaves each call to the kernels of the device on which its tensors are. */
final class OptimizerKernelsByDevice implements OptimizerKernels {

  @Override
  public void adamW(Flat flat, Factors factors) {
    if (flat.values().is_cpu()) {
      OptimizerKernels.nativeCpp().orElseGet(OptimizerKernels::torch).adamW(flat, factors);
    } else {
      DeviceKernels.optimizer(flat.values()).adamW(flat, factors);
    }
  }
}
