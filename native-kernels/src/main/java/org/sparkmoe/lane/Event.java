package org.sparkmoe.lane;

/** The completion of one task of a lane. */
@FunctionalInterface
public interface Event {
  /**
   * Blocks until the task is complete. May be called by any number of threads, any number of times.
   *
   * @throws RuntimeException the task's own failure, or that of an event it had to wait for
   * @throws java.util.concurrent.CancellationException if the lane was closed before the task
   *     began, or this thread was interrupted while it waited
   */
  void await();
}
