package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ReplanTriggerTest {
  private final ReplanTrigger trigger = new ReplanTrigger(0.5, 3);

  private List<Integer> dueIn(int steps, double error) {
    return IntStream.rangeClosed(1, steps)
        .filter(step -> trigger.isDueAfter(error))
        .boxed()
        .toList();
  }

  @Test
  void aPredictionThatNeverComesTrueIsMadeAgainEachTimeAfterTwiceAsManySteps() {
    assertThat(dueIn(50, -0.6)).containsExactly(3, 3 + 6, 3 + 6 + 12, 3 + 6 + 12 + 24);
  }

  @Test
  void onlyMissesInARowCount() {
    assertThat(dueIn(2, 0.6)).isEmpty();
    assertThat(dueIn(1, 0.5)).as("within what is tolerated").isEmpty();
    assertThat(dueIn(3, 0.6)).containsExactly(3);
  }
}
