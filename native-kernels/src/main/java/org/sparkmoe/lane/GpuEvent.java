package org.sparkmoe.lane;

/** A point in the work of a stream. */
public interface GpuEvent extends Event {

  /** Whether the GPU has come to this point; asks, and does not wait. */
  boolean reached();

  /**
   * Blocks the host until the point is reached. Not for use inside a step: let a stream {@linkplain
   * GpuStream#waitFor wait} instead.
   *
   * @throws java.util.concurrent.CancellationException if this thread was interrupted
   */
  @Override
  void await();
}
