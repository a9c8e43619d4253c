package org.sparkmoe.kernel;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.NativeLibrary;

/**
 * What a MoE layer does between its matrix products and exchanges, in one pass over memory each.
 * Tensors are f32, f64 or bf16; sums and functions are taken in f32 (f64 for f64) and rounded once.
 * None of the methods records autograd.
 */
public interface LayerKernels {

  /**
   * SwiGLU (Shazeer 2020): silu(gate) ⊙ up.
   *
   * @param gate {@code [E, rows, H]}, with any stride between experts, as are the others
   * @param up {@code [E, rows, H]}
   * @param active {@code [E, rows, H]}, to be overwritten
   */
  void swiGlu(Tensor gate, Tensor up, Tensor active);

  /**
   * The gradient of {@link #swiGlu}.
   *
   * @param activeGradient {@code [E, rows, H]}
   * @param gate {@code [E, rows, H]}, of forward, to be overwritten with its gradient
   * @param up {@code [E, rows, H]}, of forward, to be overwritten with its gradient
   */
  void swiGluGradient(Tensor activeGradient, Tensor gate, Tensor up);

  /**
   * Blocks {@code [outer, inner]} become {@code [inner, outer]}: the re-layout between the two
   * exchanges of 2DH.
   *
   * @param rows {@code [outer·inner·n, ...]}, contiguous, any dtype
   * @return of the same shape
   */
  Tensor transposeBlocks(Tensor rows, int outer, int inner);

  /**
   * Makes the rows after the last group zero.
   *
   * @param endsG {@code [G]} i32: where each group of rows ends, G above 0
   * @param rows {@code [R, N]} contiguous
   */
  void clearAfter(Tensor endsG, Tensor rows);

  /** The fastest implementation for the device on which tensors are. */
  static LayerKernels best() {
    return new LayerKernelsByDevice();
  }

  /** In C++, on the CPU; empty where the build had no compiler, or the library cannot be loaded. */
  static Optional<LayerKernels> nativeCpp() {
    return NativeLibrary.problem().isEmpty()
        ? Optional.of(new CppLayerKernels())
        : Optional.empty();
  }

  /** Made of libtorch's operators, for any device. */
  static LayerKernels torch() {
    return new TorchLayerKernels();
  }
}
