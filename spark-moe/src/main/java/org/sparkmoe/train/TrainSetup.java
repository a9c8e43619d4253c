package org.sparkmoe.train;

import org.apache.hadoop.conf.Configuration;

/**
 * What a rank is told about training, beside model and data.
 *
 * @param train how to train
 * @param checkpoint when and where checkpoints are written, its directory filled in
 * @param hadoop finds the file systems
 */
public record TrainSetup(TrainConfig train, CheckpointConfig checkpoint, Configuration hadoop) {}
