package org.sparkmoe.train;

import java.util.Optional;

/**
 * Finds losses that jump: those further above their exponential mean than so many standard
 * deviations, several in a row. The deviation is estimated from the exponential mean of the
 * absolute distances, and neither mean learns from a loss that is suspected, so that a spike does
 * not hide itself.
 */
final class LossSpikes {
  /** σ over the mean absolute distance of a normal distribution, √(π/2). */
  private static final double NORMAL = Math.sqrt(Math.PI / 2);

  /** Least σ as a share of the mean, for losses that hardly move. */
  private static final double LEAST_SHARE = 0.005;

  private final HealthConfig config;
  private long seen;
  private double mean;
  private double distance;
  private int inARow;
  private long firstStep;

  LossSpikes(HealthConfig config) {
    this.config = config;
  }

  /**
   * A spike.
   *
   * @param firstStep the first step of it
   * @param step the step at which it was certain
   * @param loss of that step
   * @param mean of the losses before the spike
   * @param deviations how far above {@code mean}
   */
  record Spike(long firstStep, long step, double loss, double mean, double deviations) {}

  /** Looks at the loss of one step, if it is finite; returns a spike when it is certain. */
  Optional<Spike> add(long step, double loss) {
    if (config.spikeDeviations() == 0 || !Double.isFinite(loss)) {
      return Optional.empty();
    }
    double deviations = (loss - mean) / Math.max(NORMAL * distance, LEAST_SHARE * Math.abs(mean));
    if (seen < config.spikeWindow() || deviations <= config.spikeDeviations()) {
      inARow = 0;
      learn(loss);
      return Optional.empty();
    }
    firstStep = inARow == 0 ? step : firstStep;
    inARow++;
    if (inARow < config.spikeSteps()) {
      return Optional.empty();
    }
    inARow = 0;
    return Optional.of(new Spike(firstStep, step, loss, mean, deviations));
  }

  /** Takes the loss as it is now for normal, and learns anew what is. */
  void accept() {
    seen = 0;
    inARow = 0;
  }

  private void learn(double loss) {
    seen++;
    double weight = Math.max(1.0 / seen, 2.0 / (config.spikeWindow() + 1));
    distance = seen == 1 ? 0 : distance + weight * (Math.abs(loss - mean) - distance);
    mean = seen == 1 ? loss : mean + weight * (loss - mean);
  }
}
