package org.sparkmoe.benchmarks.testbed;

import java.time.Duration;

/**
 * How long a transfer holds a link: t(n) = α + n·β.
 *
 * @param latencyMillis α
 * @param megabits 10⁶ bits a second
 */
record LinkSpeed(double latencyMillis, double megabits) {
  private static final double BITS_PER_BYTE = 8;
  private static final double NANOS_PER_MILLI = 1e6;

  LinkSpeed {
    if (!(latencyMillis >= 0) || !(megabits > 0)) {
      throw new IllegalArgumentException(
          "link of %s ms and %s Mb/s: must not be negative, and faster than 0 Mb/s"
              .formatted(latencyMillis, megabits));
    }
  }

  /** Time that {@code bytes} of one rank hold the link. */
  Duration time(double bytes) {
    double millis = latencyMillis + bytes * BITS_PER_BYTE / (megabits * 1e3);
    return Duration.ofNanos(Math.round(millis * NANOS_PER_MILLI));
  }
}
