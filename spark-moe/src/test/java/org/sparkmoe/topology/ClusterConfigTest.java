package org.sparkmoe.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.sparkmoe.conf.ConfigBinder;
import org.sparkmoe.conf.ConfigSource;

class ClusterConfigTest {

  record Root(ClusterConfig cluster) {}

  private static ClusterConfig bind(String hocon) {
    return ConfigBinder.bind(ConfigSource.parse(Set.of("cluster"), hocon, List.of()), Root.class)
        .cluster();
  }

  @Test
  void defaultIsOneRank() {
    assertThat(bind(""))
        .isEqualTo(
            new ClusterConfig(
                1, 1, 1, 1, 1, 1, "auto", "auto", Duration.ofSeconds(60), Duration.ofSeconds(120)));
  }

  @Test
  void everyKeyIsMapped() {
    ClusterConfig config =
        bind(
            """
            cluster {
              ranks = 16, ranks-per-node = 4, pp = 2, mp = 2, ep = 2, esp = 4, threads-per-rank = 3
              bind-address = 10.0.0.1, start-timeout = 5s, collective-timeout = 1m
            }
            """);
    assertThat(config)
        .isEqualTo(
            new ClusterConfig(
                16, 4, 2, 2, 2, 4, "3", "10.0.0.1", Duration.ofSeconds(5), Duration.ofMinutes(1)));
    assertThat(config.topology()).isEqualTo(new Topology(16, 4, 2, 2, 2, 4));
  }

  @Test
  void nodesAndExpertsFollowTheNumberOfRanks() {
    assertThat(bind("cluster.ranks = 4").topology()).isEqualTo(new Topology(4, 4, 1, 4, 1));
  }

  @Test
  void everyInvalidValueIsNamed() {
    assertThatThrownBy(
            () ->
                bind(
                    """
                    cluster {
                      ranks = 4, mp = 3, ep = 5, threads-per-rank = 0, bind-address = ""
                      start-timeout = 0s
                    }
                    """))
        .hasMessageContaining("cluster.mp is 3, must be a divisor of the world size 4")
        .hasMessageContaining("cluster.ep is 5, must be a divisor of the world size 4")
        .hasMessageContaining("cluster.threads-per-rank is \"0\", must be auto or a number from 1")
        .hasMessageContaining("cluster.bind-address is blank")
        .hasMessageContaining("cluster.start-timeout is PT0S, must be above 0");
  }
}
