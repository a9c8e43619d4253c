package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.moe.MoeConfig;

class CausalityCheckTest {

  @ParameterizedTest
  @ValueSource(strings = {"expert-choice", "soft"})
  void warnsOfGatesThatLookAtLaterTokens(String gate) {
    assertThat(CausalityCheck.warning(config(gate)))
        .hasValueSatisfying(warning -> assertThat(warning).startsWith("moe.gate " + gate));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"noisy-top-k", "gshard", "switch", "mixtral", "sigmoid", "x-moe", "deepseek-v3"})
  void isContentWithGatesThatLookAtTheTokenAlone(String gate) {
    assertThat(CausalityCheck.warning(config(gate))).isEmpty();
  }

  private static MoeConfig config(String gate) {
    MoeConfig some = MoeConfig.of(4, 2, 8);
    return new MoeConfig(
        some.experts(),
        some.topK(),
        some.capacityFactor(),
        gate,
        some.order(),
        some.dispatch(),
        some.expert(),
        some.hiddenSize(),
        some.minCapacity(),
        some.drop(),
        some.auxLoss(),
        some.zLoss(),
        some.importanceLoss(),
        some.loadLoss(),
        some.routingGroup(),
        some.sharedExperts(),
        some.gateOptions(),
        some.expertOptions(),
        some.hooks());
  }
}
