package org.sparkmoe.schedule.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.policy.Direction;
import org.sparkmoe.schedule.policy.LayerGraphs;

class ChunkBuffersTest {
  private static final CostModel ONE = new CostModel(0, 1);

  /** One millisecond per unit of any work. */
  private static final CostModels UNIT = new CostModels(ONE, ONE, ONE, ONE, ONE, ONE);

  /** Dispatch and combine of 8 elements, 16 gathered, experts for 40 ms. */
  private static final LayerWorkload LAYER = new LayerWorkload(8, 16, 40, 0, 0, 0, 0);

  @Test
  void aChunkHoldsWhatATaskMakesUntilTheNextHasUsedIt() {
    ChunkBuffers peak = peak(1);
    assertThat(peak.bytes()).isEqualTo((16 + 16) * Float.BYTES);
    assertThat(peak.makers()).containsExactly("all_gather.0", "expert.0");
  }

  @Test
  void chunksThatWaitForTheExpertsAreAliveTogether() {
    ChunkBuffers peak = peak(2);
    assertThat(peak.bytes()).isEqualTo((8 + 8 + 8 + 4) * Float.BYTES);
    assertThat(peak.makers())
        .containsExactly("all_gather.0", "expert.0", "dispatch.1", "all_gather.1");
    assertThat(peak.millis()).isEqualTo(4 + 8);
  }

  @Test
  void aScheduleAboveTheLimitIsRefusedWithTheTasksThatTakeIt() {
    assertThatThrownBy(() -> peak(1).requireAtMost(100))
        .hasMessageStartingWith(
            "graph three-lanes-forward holds 128 bytes of chunks at 24.000 ms (made by all_gather.0,"
                + " expert.0), above schedule.buffer-limit = 100");
    assertThatCode(() -> peak(1).requireAtMost(128)).doesNotThrowAnyException();
    assertThatCode(() -> peak(1).requireAtMost(0)).doesNotThrowAnyException();
  }

  private static ChunkBuffers peak(int degree) {
    TaskGraph graph = LayerGraphs.threeLanes(LAYER, Direction.FORWARD, degree, List.of());
    return ChunkBuffers.peak(graph, Simulator.ideal(UNIT).simulate(graph), Float.BYTES);
  }
}
