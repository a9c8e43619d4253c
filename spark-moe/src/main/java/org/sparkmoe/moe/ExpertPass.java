package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;

/**
 * One forward and backward of the experts over R rows each, in slices of rows. Forward and backward
 * may be sliced differently; each row is visited once in each. Called from the compute lane,
 * without autograd recording.
 */
public interface ExpertPass {

  /**
   * Computes rows {@code first} to {@code first + output.size(1)}.
   *
   * @param output {@code [El, rows, M]}, to be overwritten
   */
  void forward(long first, Tensor output);

  /**
   * Computes the gradient of the input.
   *
   * @param outputGradient {@code [El, rows, M]}
   * @param inputGradient {@code [El, rows, M]}, to be overwritten
   */
  void backward(long first, Tensor outputGradient, Tensor inputGradient);

  /**
   * Adds to the gradients of the parameters, after {@link #backward} for the same rows. May come
   * late: the task {@code expert_weight_gradient.j} fills any hole of the schedule. An expert whose
   * {@link #backward} has done this already does nothing.
   *
   * @param outputGradient {@code [El, rows, M]}
   */
  void weightGradient(long first, Tensor outputGradient);
}
