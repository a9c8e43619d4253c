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
  BLOCK;

  /**
   * How long backward runs forward again.
   *
   * @param blocks what forward of all blocks takes
   * @param moeLayers what forward of the MoE layers among them takes
   */
  public double again(double blocks, double moeLayers) {
    return switch (this) {
      case NONE -> 0;
      case MOE -> moeLayers;
      case BLOCK -> blocks;
    };
  }
}
