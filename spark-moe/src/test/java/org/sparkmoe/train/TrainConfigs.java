package org.sparkmoe.train;

import org.sparkmoe.model.Recomputation;
import org.sparkmoe.tensor.Precision;

/** Configurations for tests. */
final class TrainConfigs {
  private TrainConfigs() {}

  /** A short run; the global batch is 8 sequences. */
  static TrainConfig of(long steps, int microBatch) {
    return withLearningRate(steps, microBatch, 3e-3);
  }

  static TrainConfig withLearningRate(long steps, int microBatch, double learningRate) {
    return of(steps, microBatch, learningRate, 7, Precision.F32);
  }

  static TrainConfig withSeed(long steps, int microBatch, long seed) {
    return of(steps, microBatch, 3e-3, seed, Precision.F32);
  }

  static TrainConfig withPrecision(long steps, int microBatch, Precision precision) {
    return of(steps, microBatch, 3e-3, 7, precision);
  }

  static TrainConfig withSchedule(long steps, int microBatch, PipelineSchedule schedule) {
    return of(steps, microBatch, 3e-3, 7, Precision.F32, schedule, Recomputation.NONE);
  }

  static TrainConfig withRecomputation(
      long steps, int microBatch, Precision precision, Recomputation recompute) {
    return of(steps, microBatch, 3e-3, 7, precision, PipelineSchedule.ONE_F_ONE_B, recompute);
  }

  private static TrainConfig of(
      long steps, int microBatch, double learningRate, long seed, Precision precision) {
    return of(
        steps,
        microBatch,
        learningRate,
        seed,
        precision,
        PipelineSchedule.ONE_F_ONE_B,
        Recomputation.NONE);
  }

  private static TrainConfig of(
      long steps,
      int microBatch,
      double learningRate,
      long seed,
      Precision precision,
      PipelineSchedule schedule,
      Recomputation recompute) {
    return new TrainConfig(
        steps,
        8,
        microBatch,
        precision,
        learningRate,
        0.1,
        4,
        TrainConfig.Schedule.COSINE,
        0.9,
        0.95,
        1e-8,
        0.1,
        1.0,
        3,
        schedule,
        recompute,
        seed,
        1,
        0,
        2,
        0,
        "");
  }
}
