package org.sparkmoe.kernel;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.TensorScope;

/**
 * Optimiser kernels out of libtorch's operators: up to eight element-wise passes over long pieces
 * of the flat tensors. Long, because a call costs microseconds; pieces, because they bound the
 * scratch.
 */
final class TorchOptimizerKernels implements OptimizerKernels {
  private static final long PIECE_ELEMENTS = 1 << 20;

  private final long piece;

  TorchOptimizerKernels() {
    this(PIECE_ELEMENTS);
  }

  /**
   * @param piece elements updated at once
   */
  TorchOptimizerKernels(long piece) {
    this.piece = piece;
  }

  @Override
  public void adamW(Flat flat, Factors factors) {
    OptimizerArguments.adamW(flat);
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      Scalars scalars = new Scalars(factors);
      long n = flat.values().numel();
      Tensor root = torch.empty_like(flat.values().narrow(0, 0, Math.min(piece, n)));
      for (long start = 0; start < n; start += piece) {
        updatePiece(flat, start, Math.min(piece, n - start), scalars, root);
      }
    }
  }

  private record Scalars(
      Factors of,
      Scalar gradient,
      Scalar decay,
      Scalar oneMinusBeta1,
      Scalar beta2,
      Scalar oneMinusBeta2,
      Scalar epsilon,
      Scalar minusStep) {
    Scalars(Factors of) {
      this(
          of,
          new Scalar(of.gradient()),
          new Scalar(of.decay()),
          new Scalar(1 - of.beta1()),
          new Scalar(of.beta2()),
          new Scalar(1 - of.beta2()),
          new Scalar(of.epsilon()),
          new Scalar(-of.step()));
    }
  }

  private static void updatePiece(
      Flat flat, long start, long count, Scalars scalars, Tensor scratch) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor w = flat.values().narrow(0, start, count);
      Tensor g = flat.gradients().narrow(0, start, count);
      Tensor m = flat.firstMoments().narrow(0, start, count);
      Tensor v = flat.secondMoments().narrow(0, start, count);
      Tensor root = scratch.narrow(0, 0, count);
      if (scalars.of().gradient() != 1) {
        g.mul_(scalars.gradient());
      }
      m.lerp_(g, scalars.oneMinusBeta1());
      v.mul_(scalars.beta2()).addcmul_(g, g, scalars.oneMinusBeta2());
      torch.sqrt_out(root, v).add_(scalars.epsilon());
      if (scalars.of().decay() != 1) {
        w.mul_(scalars.decay());
      }
      w.addcdiv_(m, root, scalars.minusStep());
      Tensor copy = flat.copy();
      if (copy != null) {
        copy.narrow(0, start, count).copy_(w);
      }
    }
  }
}
