package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Layer kernels in C++, {@code src/main/cpp/expert.cpp}: one pass over memory, where libtorch's
 * operators take one each. On the CPU libtorch transposes blocks and clears rows.
 */
final class CppLayerKernels implements LayerKernels {
  /** Below this many elements a team of threads costs more than it brings. */
  private static final long ELEMENTS_OF_ONE_THREAD = 1 << 15;

  private final LayerKernels libtorch = LayerKernels.torch();

  @Override
  public void swiGlu(Tensor gate, Tensor up, Tensor active) {
    LayerArguments.swiGlu(gate, up, "active", active);
    swiGlu(
        Device.type(gate),
        shape(gate, up, active),
        Device.address(gate),
        Device.address(up),
        Device.address(active));
  }

  @Override
  public void swiGluGradient(Tensor activeGradient, Tensor gate, Tensor up) {
    LayerArguments.swiGlu(gate, up, "activeGradient", activeGradient);
    swiGluGradient(
        Device.type(gate),
        shape(activeGradient, gate, up),
        Device.address(activeGradient),
        Device.address(gate),
        Device.address(up));
  }

  @Override
  public Tensor transposeBlocks(Tensor rows, int outer, int inner) {
    return libtorch.transposeBlocks(rows, outer, inner);
  }

  @Override
  public void clearAfter(Tensor endsG, Tensor rows) {
    libtorch.clearAfter(endsG, rows);
  }

  /** Experts, elements of each, elements between two experts of each tensor, threads. */
  private static long[] shape(Tensor first, Tensor second, Tensor third) {
    return new long[] {
      first.size(0),
      first.size(1) * first.size(2),
      first.stride(0),
      second.stride(0),
      third.stride(0),
      first.numel() < ELEMENTS_OF_ONE_THREAD ? 1 : torch.get_num_threads()
    };
  }

  private static native void swiGlu(int type, long[] shape, long gate, long up, long active);

  private static native void swiGluGradient(
      int type, long[] shape, long activeGradient, long gate, long up);
}
