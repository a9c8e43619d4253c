package org.sparkmoe.tensor;

import org.bytedeco.openblas.global.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;

/** How many threads tensor operations use. */
public final class ComputeThreads {
  private ComputeThreads() {}

  /**
   * Sets the number of threads of operations that this thread starts, and of matrix products in the
   * whole process: libtorch hands them to OpenBLAS, whose pool knows nothing of libtorch's setting
   * and spins, so that ranks as threads of one process would fight for the cores.
   *
   * @param threads at least 1
   */
  public static void limit(int threads) {
    LibTorch.load();
    torch.set_num_threads(threads);
    openblas_nolapack.blas_set_num_threads(threads);
  }
}
