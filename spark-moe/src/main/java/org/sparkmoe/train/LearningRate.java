package org.sparkmoe.train;

/**
 * The learning rate as a function of the step: linear warm-up, then a fall to {@code
 * min-learning-rate-ratio} (Loshchilov and Hutter 2017, without restarts).
 */
final class LearningRate {
  private final TrainConfig config;

  LearningRate(TrainConfig config) {
    this.config = config;
  }

  /** The rate of {@code step}, from 0. */
  double at(long step) {
    if (step < config.warmupSteps()) {
      return config.learningRate() * (step + 1) / config.warmupSteps();
    }
    double falling = Math.max(1, config.steps() - 1 - config.warmupSteps());
    double done = Math.min(1, (step - config.warmupSteps()) / falling);
    double share =
        switch (config.schedule()) {
          case COSINE -> (1 + Math.cos(Math.PI * done)) / 2;
          case LINEAR -> 1 - done;
          case CONSTANT -> 1;
        };
    double lowest = config.minLearningRateRatio();
    return config.learningRate() * (lowest + (1 - lowest) * share);
  }
}
