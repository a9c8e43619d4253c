package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RankStatesTest {
  private final RankStates ranks = new RankStates(3);

  @BeforeEach
  void allRun() {
    for (int rank = 0; rank < 3; rank++) {
      ranks.entered(
          new RankMessage.Entered(rank, "host-" + rank, "e" + rank, RankMessage.Phase.RUNNING));
    }
  }

  private void failed(int rank, RankMessage.FailureKind kind, String... causes) {
    ranks.failed(new RankMessage.Failed(rank, "host-" + rank, List.of(causes), kind));
  }

  private StageFailure cause(boolean started) {
    return ranks.firstCause(started, 7).orElseThrow();
  }

  @Test
  void theRankThatFailedIsNamedThoughItsNeighbourToldFirst() {
    failed(0, RankMessage.FailureKind.CONSEQUENCE, "CollectiveException: connection closed");
    failed(1, RankMessage.FailureKind.PASSING, "OutOfMemoryError: heap");
    assertThat(cause(true))
        .isEqualTo(
            new StageFailure("rank 1 on host-1 failed after step 7: OutOfMemoryError: heap", true));
  }

  @Test
  void aLostExecutorIsTheCauseOfWhatItsNeighboursSee() {
    failed(0, RankMessage.FailureKind.CONSEQUENCE, "CollectiveException: connection closed");
    assertThat(ranks.lost("e2", "exit code 137")).isTrue();
    assertThat(cause(true).message())
        .isEqualTo(
            "rank 2 on host-2 failed after step 7: its executor e2 was lost (exit code 137)");
    assertThat(ranks.lost("e2", "again")).isFalse();
  }

  @Test
  void aRankThatTellsNothingWhileTheOthersTimeOutIsTheCause() {
    failed(0, RankMessage.FailureKind.CONSEQUENCE, "CollectiveException: timeout");
    failed(2, RankMessage.FailureKind.CONSEQUENCE, "CollectiveException: timeout");
    ranks.ended(0);
    ranks.ended(2);
    ranks.blameStuck();
    assertThat(cause(true).message()).startsWith("rank 1 on host-1 failed after step 7");
    assertThat(ranks.runningExecutors()).containsExactly("e1");
  }

  @Test
  void aSilentRankIsTheCauseAndARankThatHasEndedIsNotSilent() {
    ranks.ended(0);
    ranks.ended(1);
    assertThat(ranks.blameSilent(Duration.ofHours(1))).isEmpty();
    assertThat(ranks.blameSilent(Duration.ZERO)).containsExactly("e2");
    assertThat(cause(true).message()).contains("rank 2 on host-2").contains("was not heard of");
  }

  @Test
  void whatWouldFailAgainIsNotPassing() {
    failed(1, RankMessage.FailureKind.LASTING, "IllegalArgumentException: no");
    assertThat(cause(true).passing()).isFalse();
  }

  @Test
  void aCheckpointThatCannotBeReadLastsAndOneThatCannotBeWrittenMayPass() {
    failed(0, RankMessage.FailureKind.CHECKPOINT, "CheckpointException: ranks [1] could not");
    failed(1, RankMessage.FailureKind.CHECKPOINT, "CheckpointException: rank 1", "IOException: x");
    assertThat(cause(true).message()).startsWith("rank 1 on host-1");
    assertThat(cause(true).passing()).isTrue();
    assertThat(cause(false).passing()).isFalse();
  }
}
