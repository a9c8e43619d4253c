package org.sparkmoe.schedule.exec;

/** Milliseconds since it was made. */
final class StepClock {
  private static final double NANOS_PER_MILLI = 1e6;

  private final long origin = System.nanoTime();

  double millis() {
    return (System.nanoTime() - origin) / NANOS_PER_MILLI;
  }
}
