package org.sparkmoe.schedule.cost;

/** The paper's two feed-forward experts (§3.1). */
public enum ExpertType {
  /** Two matrices and GELU. */
  SIMPLE,
  /** SwiGLU: three matrices. */
  MIXTRAL
}
