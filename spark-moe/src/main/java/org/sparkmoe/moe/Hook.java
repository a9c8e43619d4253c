package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;

/**
 * Changes a value at the points of the layer that the paper names (§3.1), and its gradient on the
 * way back. Several hooks compose: forward first to last, backward last to first. The four inner
 * points see each chunk by itself, on a communication lane.
 *
 * <p>A hook may change dtype and all dimensions but the first before communication if it restores
 * them after it: compression. Results are contiguous.
 */
public interface Hook {

  /**
   * @param value {@code [S, M]} at the outer points, {@code [rows, M]} at the inner ones, where
   *     other ranks may have other numbers of rows, and zero, if no token is dropped
   * @return the value that takes its place; {@code value} itself for no change
   */
  Tensor forward(HookPoint point, Tensor value, HookContext context);

  /**
   * The adjoint of {@link #forward}. The gradient of what left a point comes in, that of what
   * entered it goes out; it may be compressed in turn: backward passes {@code AFTER_COMBINE} before
   * and {@code BEFORE_COMBINE} after an AlltoAll.
   */
  Tensor backward(HookPoint point, Tensor gradient, HookContext context);
}
