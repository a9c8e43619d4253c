package org.sparkmoe.kernel;

import static org.sparkmoe.kernel.CudaDevice.there;

import net.jqwik.api.Tag;
import org.bytedeco.pytorch.Tensor;

@Tag("cuda")
class CudaOptimizerKernelsTest extends OptimizerKernelsContract {
  private final OptimizerKernels kernels =
      new OnTheGpu(new DeviceOptimizerKernels(CudaDevice.open()));

  @Override
  OptimizerKernels kernels() {
    return kernels;
  }

  /** Carries arguments there and results back. */
  private record OnTheGpu(OptimizerKernels gpu) implements OptimizerKernels {
    @Override
    public void adamW(Flat flat, Factors factors) {
      Tensor copy = flat.copy();
      Flat there =
          new Flat(
              there(flat.values()),
              there(flat.gradients()),
              there(flat.firstMoments()),
              there(flat.secondMoments()),
              copy == null ? null : there(copy));
      gpu.adamW(there, factors);
      flat.values().copy_(there.values());
      flat.firstMoments().copy_(there.firstMoments());
      flat.secondMoments().copy_(there.secondMoments());
      if (copy != null && there.copy() != null) {
        copy.copy_(there.copy());
      }
    }
  }
}
