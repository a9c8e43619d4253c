package org.sparkmoe.train;

import java.io.Serializable;

/**
 * Of one evaluation on validation data.
 *
 * @param step steps done before it
 * @param loss mean negative log-likelihood a token, nats
 * @param bitsPerByte the same per byte of the text
 * @param tokens tokens predicted
 * @param milliseconds of the clock on rank 0
 */
public record EvaluationMetrics(
    long step, double loss, double bitsPerByte, long tokens, double milliseconds)
    implements Serializable {

  /** e to the loss. */
  public double perplexity() {
    return Math.exp(loss);
  }
}
