package org.sparkmoe.benchmarks.testbed;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class EmulatedLinksTest {
  private static final long MILLI = 1_000_000;

  /** 1 ms + 1 ms per 1000 bytes between nodes, 2 ms + 1 ms per 10 000 bytes inside. */
  private final EmulatedLinks links =
      new EmulatedLinks(2, 2, new LinkSpeed(1, 8), new LinkSpeed(2, 80));

  @Test
  void aTransferTakesStartUpAndBytesOfTheLinkItUses() {
    assertThat(links.transfer(List.of(0, 2), 3000, 10 * MILLI)).isEqualTo(14 * MILLI);
    assertThat(links.transfer(List.of(0, 1), 30_000, 10 * MILLI)).isEqualTo(15 * MILLI);
  }

  @Test
  void oneTransferAtATimeGoesThroughTheLinkOfANode() {
    links.transfer(List.of(0, 2), 3000, 10 * MILLI);
    assertThat(links.transfer(List.of(1, 3), 3000, 11 * MILLI)).isEqualTo(18 * MILLI);
  }

  @Test
  void linksOfDifferentNodesAndOfDifferentKindsDoNotWaitForEachOther() {
    links.transfer(List.of(0, 1), 30_000, 0);
    assertThat(links.transfer(List.of(2, 3), 30_000, 0)).isEqualTo(5 * MILLI);
    assertThat(links.transfer(List.of(1, 3), 3000, 0)).isEqualTo(4 * MILLI);
  }

  @Test
  void anOperationBeginsWithItsLastRankAndEndsForAllAtOnce() {
    EmulatedGroup group = new EmulatedGroup(links, List.of(0, 2));
    group.ready(0, 20 * MILLI);
    group.ready(0, 5 * MILLI);
    assertThat(group.end(0, 1000)).isEqualTo(22 * MILLI);
    assertThat(group.end(0, 1000)).isEqualTo(22 * MILLI);
  }
}
