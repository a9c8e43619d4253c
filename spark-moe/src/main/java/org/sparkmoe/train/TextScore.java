package org.sparkmoe.train;

/**
 * How likely a model finds a text.
 *
 * @param logLikelihood sum over its tokens, nats; 0 where there are none
 * @param tokens tokens predicted
 */
public record TextScore(double logLikelihood, long tokens) {

  /** e to the mean negative log-likelihood of a token; not a number where there are no tokens. */
  public double perplexity() {
    return Math.exp(-logLikelihood / tokens);
  }
}
