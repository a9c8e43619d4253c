package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;

/**
 * Each slot is a mixture of tokens and each token a mixture of slots (SoftMoE).
 *
 * @param dispatch {@code [S, E·C]} f32 or f64: slots = dispatchᵀ · tokens
 * @param combine {@code [S, E·C]} f32 or f64: tokens = combine · slots
 * @param capacity C
 */
public record DenseRouting(Tensor dispatch, Tensor combine, long capacity) implements Routing {

  @Override
  public Tensor[] differentiable() {
    return new Tensor[] {dispatch, combine};
  }

  @Override
  public DenseRouting with(Tensor[] differentiable) {
    return new DenseRouting(differentiable[0], differentiable[1], capacity);
  }
}
