package org.sparkmoe.runtime;

import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What happens when a rank fails or training is to stop; keys {@code restart.*}.
 *
 * @param max how often training starts again by itself
 * @param elastic whether it may go on with fewer ranks if slots are lost
 * @param silenceTimeout a rank that the driver has not heard of for so long has failed
 * @param endTimeout how long ranks have to end after another has failed, before their executors are
 *     killed
 * @param stopTimeout how long ranks have to write a last checkpoint when training is to stop
 */
public record RestartConfig(
    int max, boolean elastic, Duration silenceTimeout, Duration endTimeout, Duration stopTimeout)
    implements Serializable {
  private static final int BEATS_IN_SILENCE = 10;
  private static final Duration LONGEST_BEAT = Duration.ofSeconds(1);
  private static final Duration SHORTEST_SILENCE = Duration.ofSeconds(1);

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public RestartConfig {
    List<String> problems = new ArrayList<>();
    if (max < 0) {
      problems.add("restart.max is %d, must be at least 0 (0 never restarts)".formatted(max));
    }
    if (silenceTimeout.compareTo(SHORTEST_SILENCE) < 0) {
      problems.add("restart.silence-timeout is %s, must be at least 1s".formatted(silenceTimeout));
    }
    check(problems, "end-timeout", endTimeout);
    check(problems, "stop-timeout", stopTimeout);
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }

  private static void check(List<String> problems, String name, Duration timeout) {
    if (timeout.isZero() || timeout.isNegative()) {
      problems.add("restart.%s is %s, must be above 0".formatted(name, timeout));
    }
  }

  /** From one sign of life of a rank to the next. */
  Duration beat() {
    Duration beat = silenceTimeout.dividedBy(BEATS_IN_SILENCE);
    return beat.compareTo(LONGEST_BEAT) < 0 ? beat : LONGEST_BEAT;
  }
}
