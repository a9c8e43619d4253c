package org.sparkmoe.train;

import java.io.Serializable;

/**
 * What is known before the first step.
 *
 * @param step steps already done, above 0 after a resume
 * @param steps steps in all
 * @param parameters elements of all whole tensors of the model
 * @param tokensPerStep tokens in a global batch
 */
public record TrainingStart(long step, long steps, long parameters, long tokensPerStep)
    implements Serializable {}
