package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LossSpikesTest {
  private static final HealthConfig CONFIG =
      new HealthConfig(6, 20, 3, HealthConfig.OnSpike.WARN, 0, 0, 1, 0);

  private final SplittableRandom random = new SplittableRandom(1);
  private final LossSpikes spikes = new LossSpikes(CONFIG);
  private final List<LossSpikes.Spike> found = new ArrayList<>();
  private long step;

  private void add(double... losses) {
    for (double loss : losses) {
      spikes.add(++step, loss).ifPresent(found::add);
    }
  }

  /** A falling curve with noise. */
  private void ordinary(int steps) {
    for (int i = 0; i < steps; i++) {
      add(2 + 3 * Math.exp(-step / 40.0) + 0.2 * (random.nextDouble() - 0.5));
    }
  }

  @Test
  void aFallingCurveWithNoiseHasNone() {
    ordinary(5000);

    assertThat(found).isEmpty();
  }

  @Test
  void aSpikeIsKnownByItsFirstStep() {
    ordinary(100);
    add(5, 5.5, 6, 5);

    assertThat(found)
        .singleElement()
        .satisfies(
            spike -> {
              assertThat(spike.firstStep()).isEqualTo(101);
              assertThat(spike.step()).isEqualTo(103);
              assertThat(spike.loss()).isEqualTo(6);
              assertThat(spike.mean()).isBetween(2.0, 3.0);
              assertThat(spike.deviations()).isGreaterThan(6);
            });
  }

  @Test
  void oneBadBatchIsNone() {
    ordinary(100);
    for (int i = 0; i < 10; i++) {
      add(5, 5.5);
      ordinary(1);
    }

    assertThat(found).isEmpty();
  }

  @Test
  void aSpikeDoesNotHideTheNext() {
    ordinary(100);
    add(5, 5, 5, 5, 5, 5);

    assertThat(found).extracting(LossSpikes.Spike::firstStep).containsExactly(101L, 104L);
  }

  @Test
  void aLevelThatIsAcceptedIsNormalFromThereOn() {
    ordinary(100);
    add(5, 5, 5);
    spikes.accept();
    for (int i = 0; i < 100; i++) {
      add(5 + 0.1 * random.nextDouble());
    }

    assertThat(found).hasSize(1);
  }

  @Test
  void lossesThatAreNotNumbersAreLeftToOthers() {
    ordinary(100);
    add(Double.NaN, Double.POSITIVE_INFINITY, Double.NaN, Double.NaN);
    ordinary(100);

    assertThat(found).isEmpty();
  }
}
