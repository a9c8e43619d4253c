package org.sparkmoe.train;

import org.sparkmoe.data.DataCounts;
import org.sparkmoe.data.SequenceSpool;

/**
 * One rank's data.
 *
 * @param train sharded by {@code train.global-batch}
 * @param validation sharded by {@code validationBatch}
 * @param validationBatch sequences of a global batch of validation data, a multiple of DP
 * @param validationCounts turns nats a token into bits per byte
 * @param sequenceLength L, tokens predicted in a sequence
 */
public record TrainingData(
    SequenceSpool train,
    SequenceSpool validation,
    int validationBatch,
    DataCounts.Split validationCounts,
    int sequenceLength) {}
