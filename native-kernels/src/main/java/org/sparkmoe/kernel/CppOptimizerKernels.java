package org.sparkmoe.kernel;

import org.bytedeco.pytorch.global.torch;

/**
 * Optimiser kernels in C++, {@code src/main/cpp/adamw.cpp}: one pass over memory. The same bits for
 * every number of threads.
 */
final class CppOptimizerKernels implements OptimizerKernels {
  /** Below this many elements a team of threads costs more than it brings. */
  private static final long ELEMENTS_OF_ONE_THREAD = 1 << 15;

  @Override
  public void adamW(Flat flat, Factors factors) {
    OptimizerArguments.adamW(flat);
    long n = flat.values().numel();
    adamW(
        Device.type(flat.values()),
        n,
        new double[] {
          factors.gradient(),
          factors.decay(),
          factors.beta1(),
          factors.beta2(),
          factors.epsilon(),
          factors.step()
        },
        new long[] {
          Device.address(flat.values()),
          Device.address(flat.gradients()),
          Device.address(flat.firstMoments()),
          Device.address(flat.secondMoments()),
          Device.address(flat.copy())
        },
        n < ELEMENTS_OF_ONE_THREAD ? 1 : torch.get_num_threads());
    flat.values().unsafeGetTensorImpl().bump_version();
  }

  private static native void adamW(
      int type, long n, double[] factors, long[] addresses, int threads);
}
