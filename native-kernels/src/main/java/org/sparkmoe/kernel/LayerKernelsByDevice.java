package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;

/** Leaves each call to the kernels of the device on which its tensors are. */
final class LayerKernelsByDevice implements LayerKernels {

  private static LayerKernels of(Tensor tensor) {
    return tensor.is_cpu()
        ? LayerKernels.nativeCpp().orElseGet(LayerKernels::torch)
        : DeviceKernels.layer(tensor);
  }

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor active) {
    of(gate).swiGlu(gate, up, active);
  }

  @Override
  public void swiGluGradient(Tensor activeGradient, Tensor gate, Tensor up) {
    of(gate).swiGluGradient(activeGradient, gate, up);
  }

  @Override
  public void clearAfter(Tensor endsG, Tensor rows) {
    of(rows).clearAfter(endsG, rows);
  }

  @Override
  public Tensor transposeBlocks(Tensor rows, int outer, int inner) {
    return of(rows).transposeBlocks(rows, outer, inner);
  }
}
