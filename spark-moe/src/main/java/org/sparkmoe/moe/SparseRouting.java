package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;

/**
 * Each token has up to K places. Expert Choice is K = E.
 *
 * @param slotsSK {@code [S, K]} i64, {@code e·C + p}, or -1 if dropped
 * @param weightsSK {@code [S, K]} f32 or f64; that of a dropped assignment is not used
 * @param capacity C
 */
public record SparseRouting(Tensor slotsSK, Tensor weightsSK, long capacity) implements Routing {

  @Override
  public Tensor[] differentiable() {
    return new Tensor[] {weightsSK};
  }

  @Override
  public SparseRouting with(Tensor[] differentiable) {
    return new SparseRouting(slotsSK, differentiable[0], capacity);
  }
}
