package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparkmoe.moe.RoutingStats;

class RouterWatchTest {
  private static final long TOKENS = 100;
  private static final RoutingStats WELL = stats(2, 1.2, 1.5);

  private final List<String> warnings = new ArrayList<>();
  private final RouterWatch watch =
      new RouterWatch(
          new HealthConfig(0, 2, 1, HealthConfig.OnSpike.WARN, 0, 5, 0.95, 0.01), TOKENS);

  /** Of 8 experts with {@code topK} choices a token. */
  private static RoutingStats stats(int topK, double imbalance, double entropy) {
    long[] kept = new long[8];
    kept[0] = TOKENS * topK;
    return new RoutingStats(kept, 0, entropy, imbalance, 0);
  }

  private void steps(int count, RoutingStats... layers) {
    for (int i = 0; i < count; i++) {
      warnings.addAll(watch.add(List.of(layers)));
    }
  }

  @Test
  void allTokensAtTheSameExpertsAreACollapse() {
    steps(10, WELL, WELL);
    steps(4, WELL, stats(2, 4, 1.5));
    assertThat(warnings).isEmpty();

    steps(20, WELL, stats(2, 4, 1.5));

    assertThat(warnings)
        .containsExactly(
            "MoE layer 2 of 2: one expert gets 100 % of all tokens (even would be 25 %) for 5 steps,"
                + " its router has collapsed: raise moe.aux-loss, set moe.z-loss = 1e-3, or lower"
                + " train.learning-rate");
  }

  @Test
  void droppedTokensCountToo() {
    RoutingStats mostDropped =
        new RoutingStats(new long[] {25, 25, 0, 0, 0, 0, 0, 0}, 0.75, 1.5, 4, 0);

    steps(5, mostDropped);

    assertThat(warnings).singleElement().asString().contains("100 % of all tokens");
  }

  @Test
  void aGateThatBecomesCertainOfEveryTokenIsACollapse() {
    steps(10, WELL);
    steps(5, stats(2, 1.2, 0.001));

    assertThat(warnings)
        .singleElement()
        .asString()
        .startsWith(
            "MoE layer 1 of 1: the entropy of its gate is 0.0010 nats for 5 steps (it was up to"
                + " 1.50, at most 2.08), its router has collapsed")
        .contains("moe.z-loss");
  }

  @Test
  void aGateThatIsCertainByDesignIsNone() {
    steps(100, stats(1, 1.3, 0));

    assertThat(warnings).isEmpty();
  }

  @Test
  void aLayerInWhichEveryExpertSeesEveryTokenIsNone() {
    steps(100, stats(8, 1, 1.5));

    assertThat(warnings).isEmpty();
  }

  @Test
  void aLayerThatRecoversIsWarnedOfAgain() {
    for (int i = 0; i < 3; i++) {
      steps(5, stats(2, 4, 1.5));
      steps(1, WELL);
    }

    assertThat(warnings).hasSize(3);
  }
}
