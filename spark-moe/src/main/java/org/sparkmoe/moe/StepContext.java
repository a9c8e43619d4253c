package org.sparkmoe.moe;

/**
 * Where a forward pass stands in training. Random choices are a hash of these values and the global
 * position of the token, so that they do not depend on the layout.
 *
 * @param training whether noise, jitter and balancing are on
 * @param seed of the run
 * @param step optimiser step, from 0
 * @param microBatch index within the step, from 0
 * @param microBatches micro-batches of a step
 * @param firstToken global position, within the micro-step, of this rank's first token; its tokens
 *     are consecutive
 * @param microStepTokens tokens of this micro-step over all ranks
 */
public record StepContext(
    boolean training,
    long seed,
    long step,
    int microBatch,
    int microBatches,
    long firstToken,
    long microStepTokens) {

  public StepContext {
    if (microBatch < 0 || microBatch >= microBatches) {
      throw new IllegalArgumentException(
          "micro-batch %d of %d: must be from 0 to below the number of micro-batches"
              .formatted(microBatch, microBatches));
    }
    if (firstToken < 0 || firstToken >= microStepTokens) {
      throw new IllegalArgumentException(
          "first token %d of %d: must be from 0 to below the tokens of the micro-step"
              .formatted(firstToken, microStepTokens));
    }
  }

  /** The same pass, for tokens of this rank that begin at {@code token}. */
  StepContext from(long token) {
    return new StepContext(training, seed, step, microBatch, microBatches, token, microStepTokens);
  }

  /** Without noise, as in evaluation, for one rank that holds all {@code tokens}. */
  public static StepContext evaluation(long tokens) {
    return new StepContext(false, 0, 0, 0, 1, 0, tokens);
  }
}
