package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

/** Loss curves compared. */
final class Curves {
  private Curves() {}

  static void assertClose(double[] actual, double[] expected, double relative) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i])
          .as("step %d", i + 1)
          .isCloseTo(expected[i], offset(relative * Math.abs(expected[i])));
    }
  }
}
