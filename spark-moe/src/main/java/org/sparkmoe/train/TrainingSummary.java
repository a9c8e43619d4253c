package org.sparkmoe.train;

import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * How training ended.
 *
 * @param steps steps done, those before a resume included
 * @param loss of the last step, nats a token; NaN if no step was left to do
 * @param validation the evaluation at the end
 * @param skippedSteps steps of this run whose gradient was not finite
 * @param tokensPerSecond over the steps of this run, evaluations and checkpoints left out
 * @param teraflops model FLOPs over the same steps: 10¹² operations a second and rank
 * @param mfu their share of what the device does at best; null where that is not known
 * @param seconds of the clock from the first step to the end
 * @param checkpoint directory of the last checkpoint, which holds the final model
 */
public record TrainingSummary(
    long steps,
    double loss,
    EvaluationMetrics validation,
    long skippedSteps,
    double tokensPerSecond,
    double teraflops,
    @Nullable Double mfu,
    double seconds,
    String checkpoint)
    implements Serializable {}
