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
  void aPipelineStageIsABlockOfRanksThatHoldsItsGroups() {
    Topology topology = new Topology(16, 4, 2, 4, 2, 4);

    assertThat(topology.stageGroup(13)).containsExactly(8, 9, 10, 11, 12, 13, 14, 15);
    assertThat(topology.ppGroup(13)).containsExactly(5, 13);
    assertThat(topology.mpGroup(13)).containsExactly(12, 13, 14, 15);
    assertThat(topology.espGroup(13)).containsExactly(12, 13, 14, 15);
    assertThat(topology.epGroup(13)).containsExactly(9, 13);
    assertThat(topology.dpGroup(13)).containsExactly(9, 13);
    assertThat(topology.edpGroup(13)).containsExactly(13);
    assertThat(topology.nDp()).isEqualTo(2);
    assertThat(topology.dpIndex(13)).isEqualTo(1);
  }

  @Test
  void everySizeThatDoesNotDivideAStageIsReportedAtOnce() {
    assertThatThrownBy(() -> new Topology(8, 8, 2, 8, 3, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("mp is 8, must be a divisor of the 4 ranks of a stage (ranks / pp)")
        .hasMessageContaining("ep is 3");
    assertThatThrownBy(() -> new Topology(8, 8, 3, 5, 1, 1))
        .hasMessageContaining("pp is 3, must be a divisor of the world size 8")
        .hasMessageContaining("mp is 5");
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
