package org.sparkmoe.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TopologyTest {

  @Test
  void paperScenarioKeepsShardingInsideANodeAndExpertsAcrossNodes() {
    Topology topology = new Topology(8, 4, 4, 2, 4);

    assertThat(topology.mpGroup(5)).containsExactly(4, 5, 6, 7);
    assertThat(topology.espGroup(5)).containsExactly(4, 5, 6, 7);
    assertThat(topology.epGroup(5)).containsExactly(1, 5);
    assertThat(topology.dpGroup(5)).containsExactly(1, 5);
    assertThat(topology.edpGroup(5)).containsExactly(5);
  }

  @Test
  void everySizeThatDoesNotDivideTheWorldIsReportedAtOnce() {
    assertThatThrownBy(() -> new Topology(4, 3, 3, 5, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("ranks-per-node is 3")
        .hasMessageContaining("mp is 3")
        .hasMessageContaining("ep is 5");
  }
}
