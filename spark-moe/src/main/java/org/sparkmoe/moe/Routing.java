package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;

/**
 * Where each token goes: into the slots of an expert-major buffer {@code [E, C, M]}, in which the
 * slot {@code e·C + p} is place p of expert e, or into the rows of a packed one; and with which
 * weight its results come back.
 */
public sealed interface Routing permits SparseRouting, PackedRouting, DenseRouting {

  /**
   * C, places of each expert in this rank's buffer, a multiple of every pipeline degree in use; of
   * a packed buffer the most rows that all experts can have.
   */
  long capacity();

  /** The tensors through which gradients flow, as {@link #with} takes them. */
  Tensor[] differentiable();

  /** The same routing over other tensors of the same shapes. */
  Routing with(Tensor[] differentiable);
}
