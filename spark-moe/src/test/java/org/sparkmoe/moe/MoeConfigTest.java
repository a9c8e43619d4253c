package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.RankGroups;

class MoeConfigTest {

  @Test
  void programmaticDefaultsAreThoseOfTheReferenceFile() {
    var reference = ConfigFactory.parseResources("reference.conf").getConfig("moe");
    MoeConfig config = MoeConfig.of(8, 2, 512);
    assertThat(reference.getInt("experts")).isEqualTo(config.experts());
    assertThat(reference.getInt("top-k")).isEqualTo(config.topK());
    assertThat(reference.getString("capacity-factor")).isEqualTo(config.capacityFactor());
    assertThat(reference.getString("gate")).isEqualTo(config.gate());
    assertThat(reference.getString("order")).isEqualTo(config.order());
    assertThat(reference.getString("dispatch")).isEqualTo(config.dispatch());
    assertThat(reference.getString("expert")).isEqualTo(config.expert());
    assertThat(reference.getInt("min-capacity")).isEqualTo(config.minCapacity());
    assertThat(reference.getDouble("aux-loss")).isEqualTo(config.auxLoss());
    assertThat(reference.getString("routing-group")).isEqualTo(config.routingGroup());
  }

  @Test
  void everyInvalidValueIsNamedAtOnce() {
    assertThatThrownBy(
            () ->
                new MoeConfig(
                    4,
                    5,
                    "-1",
                    "mixtral",
                    "sparse",
                    "direct",
                    "gpt",
                    0,
                    0,
                    MoeConfig.Drop.POSITION,
                    -0.1,
                    Double.NaN,
                    0,
                    0,
                    "node",
                    -1,
                    Map.of(),
                    Map.of(),
                    List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("moe.top-k is 5, must be from 1 to moe.experts = 4")
        .hasMessageContaining("moe.capacity-factor is '-1'")
        .hasMessageContaining("moe.hidden-size is 0")
        .hasMessageContaining("moe.min-capacity is 0")
        .hasMessageContaining("moe.aux-loss is -0.1")
        .hasMessageContaining("moe.z-loss is NaN")
        .hasMessageContaining("moe.routing-group is 'node'")
        .hasMessageContaining("moe.shared-experts is -1");
  }

  @Test
  void everyUnknownModuleAndOptionIsNamedAtOnce() {
    MoeConfig config =
        new MoeConfigBuilder()
            .gateOptions(Map.of("temperature", "1"))
            .order("sorted")
            .hooks("nothing")
            .build();
    assertThatThrownBy(
            () ->
                MoeLayer.create(
                    "layers.0.moe",
                    0,
                    config,
                    8,
                    RankGroups.single(),
                    ParameterInitializer.cpu(1, Precision.F32)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("moe.gate-options.temperature is unknown to mixtral")
        .hasMessageContaining("moe.order is 'sorted', must be one of einsum, sparse")
        .hasMessageContaining("moe.hooks is 'nothing'");
  }
}
