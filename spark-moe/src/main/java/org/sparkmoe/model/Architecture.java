package org.sparkmoe.model;

/** Which family of transformers a model belongs to. */
public enum Architecture {
  /** LayerNorm, learned positions, biases, GELU. */
  GPT2,
  /** RMSNorm, rotary positions, grouped-query attention, SwiGLU, no biases. */
  MIXTRAL
}
