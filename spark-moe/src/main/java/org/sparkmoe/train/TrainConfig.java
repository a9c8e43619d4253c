package org.sparkmoe.train;

import java.io.Serializable;
import org.sparkmoe.model.Recomputation;
import org.sparkmoe.tensor.Precision;

/**
 * How to train; keys {@code train.*}.
 *
 * @param steps optimiser steps
 * @param globalBatch GB, sequences in a step over all ranks
 * @param microBatch B, sequences a data-parallel rank passes through the model at once; gradients
 *     of {@code GB / (DP · B)} micro-batches are summed
 * @param precision types of parameters and of matrix products
 * @param learningRate the highest learning rate
 * @param minLearningRateRatio what the schedule falls to, as a share of {@code learningRate}
 * @param warmupSteps steps over which the learning rate rises linearly
 * @param schedule how the learning rate falls after the warm-up
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root of the second moment
 * @param weightDecay decoupled from the gradient; applies to the parameters that ask for it
 * @param clipNorm the largest global norm of the gradient; 0 leaves it as it is
 * @param maxSkippedSteps steps with a gradient that is not finite, in a row, before training ends
 * @param pipelineSchedule order of the micro-batches on a pipeline stage
 * @param recompute what backward computes again instead of keeping it from forward
 * @param seed of the first weights and of the random choices of the gates
 * @param logEvery steps from one line of the training log to the next
 * @param evaluateEvery steps from one evaluation to the next; 0 evaluates at the end only
 * @param evaluateBatches global batches of validation data in an evaluation; 0 takes all
 * @param finalEvaluateBatches the same for the evaluation at the end
 * @param initialModel model directory whose weights training begins with; empty: random weights
 */
public record TrainConfig(
    long steps,
    int globalBatch,
    int microBatch,
    Precision precision,
    double learningRate,
    double minLearningRateRatio,
    long warmupSteps,
    Schedule schedule,
    double beta1,
    double beta2,
    double epsilon,
    double weightDecay,
    double clipNorm,
    int maxSkippedSteps,
    PipelineSchedule pipelineSchedule,
    Recomputation recompute,
    long seed,
    long logEvery,
    long evaluateEvery,
    long evaluateBatches,
    long finalEvaluateBatches,
    String initialModel)
    implements Serializable {

  /** How the learning rate falls after the warm-up. */
  public enum Schedule {
    /** Half a cosine, from the highest to the lowest at the last step. */
    COSINE,
    /** A straight line, from the highest to the lowest at the last step. */
    LINEAR,
    /** Not at all. */
    CONSTANT
  }

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public TrainConfig {
    Problems problems = new Problems("train.");
    problems.check(steps >= 1, "steps", steps, "at least 1");
    problems.check(globalBatch >= 1, "global-batch", globalBatch, "at least 1");
    problems.check(
        microBatch >= 1 && (globalBatch < 1 || globalBatch % microBatch == 0),
        "micro-batch",
        microBatch,
        "a divisor of train.global-batch = " + globalBatch);
    problems.check(positive(learningRate), "learning-rate", learningRate, "above 0");
    problems.check(
        minLearningRateRatio >= 0 && minLearningRateRatio <= 1,
        "min-learning-rate-ratio",
        minLearningRateRatio,
        "from 0 to 1");
    problems.check(warmupSteps >= 0, "warmup-steps", warmupSteps, "at least 0");
    problems.check(beta1 >= 0 && beta1 < 1, "beta1", beta1, "at least 0 and below 1");
    problems.check(beta2 >= 0 && beta2 < 1, "beta2", beta2, "at least 0 and below 1");
    problems.check(positive(epsilon), "epsilon", epsilon, "above 0");
    problems.check(notNegative(weightDecay), "weight-decay", weightDecay, "at least 0");
    problems.check(notNegative(clipNorm), "clip-norm", clipNorm, "at least 0 (0 does not clip)");
    problems.check(maxSkippedSteps >= 0, "max-skipped-steps", maxSkippedSteps, "at least 0");
    problems.check(logEvery >= 1, "log-every", logEvery, "at least 1");
    problems.check(
        evaluateEvery >= 0, "evaluate-every", evaluateEvery, "at least 0 (0 evaluates at the end)");
    problems.check(
        evaluateBatches >= 0, "evaluate-batches", evaluateBatches, "at least 0 (0 takes all)");
    problems.check(
        finalEvaluateBatches >= 0,
        "final-evaluate-batches",
        finalEvaluateBatches,
        "at least 0 (0 takes all)");
    problems.throwIfAny();
  }

  /**
   * Micro-batches in a step.
   *
   * @param dataParallel DP, number of ranks that share out the global batch
   * @throws IllegalArgumentException if {@code DP · B} does not divide the global batch
   */
  public int microBatches(int dataParallel) {
    long together = (long) dataParallel * microBatch;
    if (globalBatch % together != 0) {
      throw new IllegalArgumentException(
          ("train.global-batch is \"%d\", must be a multiple of %d = data-parallel size %d ×"
                  + " train.micro-batch %d")
              .formatted(globalBatch, together, dataParallel, microBatch));
    }
    return (int) (globalBatch / together);
  }

  private static boolean positive(double value) {
    return value > 0 && Double.isFinite(value);
  }

  private static boolean notNegative(double value) {
    return value >= 0 && Double.isFinite(value);
  }
}
