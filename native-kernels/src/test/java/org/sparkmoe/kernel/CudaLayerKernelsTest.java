package org.sparkmoe.kernel;

import static org.sparkmoe.kernel.CudaDevice.here;
import static org.sparkmoe.kernel.CudaDevice.there;

import net.jqwik.api.Tag;
import org.bytedeco.pytorch.Tensor;

@Tag("cuda")
class CudaLayerKernelsTest extends LayerKernelsContract {
  private final LayerKernels kernels = new OnTheGpu(new DeviceLayerKernels(CudaDevice.open()));

  @Override
  LayerKernels kernels() {
    return kernels;
  }

  /** Carries arguments there and results back. */
  private record OnTheGpu(LayerKernels gpu) implements LayerKernels {
    @Override
    public void swiGlu(Tensor gate, Tensor up, Tensor active) {
      Tensor output = there(active);
      gpu.swiGlu(there(gate), there(up), output);
      active.copy_(output);
    }

    @Override
    public void swiGluGradient(Tensor activeGradient, Tensor gate, Tensor up) {
      Tensor gateThere = there(gate);
      Tensor upThere = there(up);
      gpu.swiGluGradient(there(activeGradient), gateThere, upThere);
      gate.copy_(gateThere);
      up.copy_(upThere);
    }

    @Override
    public void clearAfter(Tensor endsG, Tensor rows) {
      Tensor rowsThere = there(rows);
      gpu.clearAfter(there(endsG), rowsThere);
      rows.copy_(rowsThere);
    }

    @Override
    public Tensor transposeBlocks(Tensor rows, int outer, int inner) {
      return here(gpu.transposeBlocks(there(rows), outer, inner));
    }
  }
}
