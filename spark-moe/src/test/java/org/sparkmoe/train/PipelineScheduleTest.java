package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.sparkmoe.train.MicroBatchAction.Direction;

class PipelineScheduleTest {

  @Test
  void gPipeGoesForwardThenBackward() {
    assertThat(texts(PipelineSchedule.GPIPE, 2, 3))
        .containsExactly("F0 F1 F2 B0 B1 B2", "F0 F1 F2 B0 B1 B2");
  }

  @Test
  void oneForwardOneBackwardTakesTurnsAfterItsWarmUp() {
    assertThat(texts(PipelineSchedule.ONE_F_ONE_B, 4, 6))
        .containsExactly(
            "F0 F1 F2 F3 B0 F4 B1 F5 B2 B3 B4 B5",
            "F0 F1 F2 B0 F3 B1 F4 B2 F5 B3 B4 B5",
            "F0 F1 B0 F2 B1 F3 B2 F4 B3 F5 B4 B5",
            "F0 B0 F1 B1 F2 B2 F3 B3 F4 B4 F5 B5");
  }

  @Test
  void fewerMicroBatchesThanStagesWarmUpWithAllOfThem() {
    assertThat(texts(PipelineSchedule.ONE_F_ONE_B, 4, 2))
        .containsExactly("F0 F1 B0 B1", "F0 F1 B0 B1", "F0 F1 B0 B1", "F0 B0 F1 B1");
  }

  @Test
  void withoutAPipelineEachMicroBatchGoesForwardAndBackward() {
    assertThat(texts(PipelineSchedule.ONE_F_ONE_B, 1, 3)).containsExactly("F0 B0 F1 B1 F2 B2");
  }

  @Property
  void everyStageHoldsNoMoreActivationsThanThereAreStagesFromItOn(
      @ForAll @IntRange(min = 1, max = 9) int stages,
      @ForAll @IntRange(min = 1, max = 20) int microBatches) {
    for (int stage = 0; stage < stages; stage++) {
      List<MicroBatchAction> actions =
          PipelineSchedule.ONE_F_ONE_B.actions(stage, stages, microBatches);
      assertThat(mostHeld(actions)).isEqualTo(Math.min(microBatches, stages - stage));
    }
    assertThat(mostHeld(PipelineSchedule.GPIPE.actions(0, stages, microBatches)))
        .isEqualTo(microBatches);
  }

  @Property
  void everySchedulePassesEachMicroBatchOnceInOrderAndNeverStandsStill(
      @ForAll PipelineSchedule schedule,
      @ForAll @IntRange(min = 1, max = 9) int stages,
      @ForAll @IntRange(min = 1, max = 20) int microBatches) {
    int[] next = new int[stages];
    int[][] done = new int[Direction.values().length][stages];
    List<List<MicroBatchAction>> actions =
        IntStream.range(0, stages)
            .mapToObj(stage -> schedule.actions(stage, stages, microBatches))
            .toList();
    boolean moved = true;
    while (moved) {
      moved = false;
      for (int stage = 0; stage < stages; stage++) {
        while (next[stage] < 2 * microBatches
            && isPossible(actions.get(stage).get(next[stage]), stage, done)) {
          MicroBatchAction action = actions.get(stage).get(next[stage]++);
          assertThat(done[action.direction().ordinal()][stage]++).isEqualTo(action.microBatch());
          moved = true;
        }
      }
    }
    assertThat(next).containsOnly(2 * microBatches);
    assertThat(actions).allSatisfy(list -> assertThat(list).hasSize(2 * microBatches));
  }

  /** Whether the neighbour has sent what the action takes in. */
  private static boolean isPossible(MicroBatchAction action, int stage, int[][] done) {
    int[] forward = done[Direction.FORWARD.ordinal()];
    int[] backward = done[Direction.BACKWARD.ordinal()];
    return switch (action.direction()) {
      case FORWARD -> stage == 0 || forward[stage - 1] > action.microBatch();
      case BACKWARD ->
          forward[stage] > action.microBatch()
              && (stage == forward.length - 1 || backward[stage + 1] > action.microBatch());
    };
  }

  private static int mostHeld(List<MicroBatchAction> actions) {
    int held = 0;
    int most = 0;
    for (MicroBatchAction action : actions) {
      held += action.direction() == Direction.FORWARD ? 1 : -1;
      most = Math.max(most, held);
    }
    assertThat(held).isZero();
    return most;
  }

  private static Stream<String> texts(PipelineSchedule schedule, int stages, int microBatches) {
    return IntStream.range(0, stages)
        .mapToObj(stage -> PipelineSchedule.text(schedule.actions(stage, stages, microBatches)));
  }
}
