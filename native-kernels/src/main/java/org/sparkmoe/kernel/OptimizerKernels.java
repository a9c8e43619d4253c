package org.sparkmoe.kernel;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.NativeLibrary;

/** Updates of an optimiser over long flat tensors. None of the methods records autograd. */
public interface OptimizerKernels {

  /**
   * What an update of AdamW reads and writes.
   *
   * @param values {@code [n]} f32 or f64 contiguous, the master weights; updated
   * @param gradients {@code [n]} as {@code values}; afterwards of no use
   * @param firstMoments {@code [n]} as {@code values}; updated
   * @param secondMoments {@code [n]} as {@code values}; updated
   * @param copy {@code [n]} bf16 contiguous, to be overwritten with the new values; or null
   */
  record Flat(
      Tensor values,
      Tensor gradients,
      Tensor firstMoments,
      Tensor secondMoments,
      @Nullable Tensor copy) {}

  /**
   * The numbers of an update, the same for all elements.
   *
   * @param gradient c, by which gradients are multiplied: clipping and unscaling
   * @param decay d, by which weights are multiplied before the step
   * @param beta1 share of the first moment that stays
   * @param beta2 share of the second moment that stays
   * @param epsilon e, added to the root of the second moment
   * @param step s, by which the quotient is multiplied
   */
  record Factors(
      double gradient, double decay, double beta1, double beta2, double epsilon, double step) {}

  /**
   * AdamW (Loshchilov and Hutter 2019) without the corrections of its moments, which {@code
   * factors} may hold:
   *
   * <pre>
   * g ← c·g      m ← m + (1−β1)·(g − m)      v ← β2·v + (1−β2)·g²      w ← d·w − s·m/(√v + e)
   * </pre>
   *
   * <p>Shows in the version counter of the values, as any operator of libtorch does.
   */
  void adamW(Flat flat, Factors factors);

  /** The fastest implementation for the device on which tensors are. */
  static OptimizerKernels best() {
    return new OptimizerKernelsByDevice();
  }

  /** In C++, on the CPU; empty where the build had no compiler, or the library cannot be loaded. */
  static Optional<OptimizerKernels> nativeCpp() {
    return NativeLibrary.problem().isEmpty()
        ? Optional.of(new CppOptimizerKernels())
        : Optional.empty();
  }

  /** Made of libtorch's operators, for any device. */
  static OptimizerKernels torch() {
    return new TorchOptimizerKernels();
  }
}
