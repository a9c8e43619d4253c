package org.sparkmoe.train;

import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a loss spike leads to: a warning, or a way back to the last checkpoint before it and on from
 * there without the data of the spike (as PaLM was trained: Chowdhery et al. 2022, §5.1).
 */
final class SpikeResponse {
  private final HealthConfig config;
  private final LossSpikes spikes;

  SpikeResponse(HealthConfig config, TrainingLog log) {
    this.config = config;
    this.spikes = new LossSpikes(config);
    log.replay(spikes::add);
  }

  /** Goes back, if there is a checkpoint to go back to. */
  @FunctionalInterface
  interface Rewind {
    /**
     * @return the step gone back to, or null
     */
    @Nullable Long before(LossSpikes.Spike spike);
  }

  /**
   * Looks at a step.
   *
   * @param rewinds how often training has gone back, restarts included
   * @return a warning, if there was a spike
   * @throws TrainingException if training went back too often
   */
  Optional<String> after(StepMetrics metrics, long rewinds, Rewind rewind) {
    return spikes.add(metrics.step(), metrics.loss()).map(spike -> respond(spike, rewinds, rewind));
  }

  private String respond(LossSpikes.Spike spike, long rewinds, Rewind rewind) {
    String what =
        String.format(
            Locale.ROOT,
            "loss spike at step %d: %.4f after a mean of %.4f, %.1f standard deviations",
            spike.firstStep(),
            spike.loss(),
            spike.mean(),
            spike.deviations());
    if (config.onSpike() == HealthConfig.OnSpike.WARN) {
      spikes.accept();
      return what + "; health.on-spike = rewind would go back to the checkpoint before it";
    }
    if (rewinds >= config.maxRewinds()) {
      throw new TrainingException(
          ("%s, and training has gone back health.max-rewinds = %d times: lower"
                  + " train.learning-rate or train.clip-norm, or look at the data")
              .formatted(what, rewinds));
    }
    Long step = rewind.before(spike);
    if (step == null) {
      spikes.accept();
      return what + "; no checkpoint is older: lower checkpoint.every or raise checkpoint.keep";
    }
    return "%s; back at step %d, the data in between are left out".formatted(what, step);
  }
}
