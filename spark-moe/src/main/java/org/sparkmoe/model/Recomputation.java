package org.sparkmoe.model;

/**
 * What backward computes a second time, so that forward need not keep its activations. The numbers
 * are the same.
 */
public enum Recomputation {
  /** Nothing. */
  NONE,
  /**
   * The MoE sublayers: norm, gate, experts, and their exchanges with other ranks. Megatron's
   * selective granularity with the module {@code moe}.
   */
  MOE,
  /** Whole blocks, of which only the input stays. Megatron's full granularity, one layer each. */
  BLOCK
}
