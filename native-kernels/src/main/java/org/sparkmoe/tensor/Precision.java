package org.sparkmoe.tensor;

import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * In which types parameters are kept and matrix products are done. The router is never below f32.
 */
public enum Precision {
  /** Everything in f32. */
  F32(ScalarType.Float, ScalarType.Float),
  /** Parameters (the master weights) and gradients in f32, segments compute in bf16. */
  BF16(ScalarType.Float, ScalarType.BFloat16),
  /** Everything in f64, for finite differences. */
  F64(ScalarType.Double, ScalarType.Double);

  private final ScalarType parameterType;
  private final ScalarType computeType;

  Precision(ScalarType parameterType, ScalarType computeType) {
    this.parameterType = parameterType;
    this.computeType = computeType;
  }

  /** The type of parameters, gradients, optimiser state, gate logits and losses. */
  public ScalarType parameterType() {
    return parameterType;
  }

  /** The type of activations. */
  public ScalarType computeType() {
    return computeType;
  }
}
