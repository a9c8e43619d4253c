package org.sparkmoe.train;

import org.apache.hadoop.conf.Configuration;
import org.jspecify.annotations.Nullable;

/**
 * What a rank is told about training, beside model and data.
 *
 * @param train how to train
 * @param checkpoint when and where checkpoints are written, its directory filled in
 * @param health what is watched meanwhile
 * @param hadoop finds the file systems
 * @param schedule how MoE layers run, or null for one task after the other
 * @param peakTeraflops 10¹² operations a second that a rank's device does at best, or 0 for what is
 *     measured
 */
public record TrainSetup(
    TrainConfig train,
    CheckpointConfig checkpoint,
    HealthConfig health,
    Configuration hadoop,
    @Nullable ScheduleSetup schedule,
    double peakTeraflops) {

  /** Without a watch over its health. */
  public TrainSetup(
      TrainConfig train,
      CheckpointConfig checkpoint,
      Configuration hadoop,
      @Nullable ScheduleSetup schedule) {
    this(train, checkpoint, HealthConfig.off(), hadoop, schedule, 0);
  }

  /** Without a schedule: MoE layers run one task after the other. */
  public TrainSetup(TrainConfig train, CheckpointConfig checkpoint, Configuration hadoop) {
    this(train, checkpoint, hadoop, null);
  }
}
