package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TokenSamplerTest {
  private static final double[] LOGITS = {Math.log(2), Math.log(5), Math.log(1), Math.log(2)};
  private static final int DRAWS = 20_000;

  @Test
  void drawsFollowTheProbabilities() {
    double[] shares = shares(new GenerationConfig(1, 1, 0, 1, 5));

    assertThat(shares).containsExactly(new double[] {0.2, 0.5, 0.1, 0.2}, within(0.015));
  }

  @Test
  void topKAndTopPLeaveOutTheUnlikely() {
    assertThat(shares(new GenerationConfig(1, 1, 2, 1, 5)))
        .containsExactly(new double[] {2 / 7.0, 5 / 7.0, 0, 0}, within(0.015));
    assertThat(shares(new GenerationConfig(1, 1, 0, 0.85, 5)))
        .containsExactly(new double[] {2 / 9.0, 5 / 9.0, 0, 2 / 9.0}, within(0.015));
  }

  @Test
  void temperatureZeroTakesTheLikeliest() {
    assertThat(shares(GenerationConfig.greedy(1))).containsExactly(0, 1, 0, 0);
  }

  @Test
  void everyInvalidSettingIsNamed() {
    assertThatThrownBy(() -> new GenerationConfig(-1, -1, -1, 0, 0))
        .hasMessageContaining("max-tokens")
        .hasMessageContaining("temperature")
        .hasMessageContaining("top-k")
        .hasMessageContaining("top-p");
  }

  private static double[] shares(GenerationConfig config) {
    TokenSampler sampler = new TokenSampler(config);
    double[] shares = new double[LOGITS.length];
    IntStream.range(0, DRAWS).forEach(i -> shares[sampler.draw(LOGITS)] += 1.0 / DRAWS);
    for (int i = 0; i < shares.length; i++) {
      shares[i] = Math.round(shares[i] * DRAWS) / (double) DRAWS;
    }
    return shares;
  }
}
