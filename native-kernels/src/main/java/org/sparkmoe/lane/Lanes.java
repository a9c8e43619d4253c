package org.sparkmoe.lane;

import java.util.List;

/**
 * Makes lanes, and orders their tasks with what the calling thread does beside them: work that it
 * does itself where lanes are threads, or that it queues in its current stream where they are
 * streams. Several threads may use it.
 */
public interface Lanes {

  /**
   * Makes a lane.
   *
   * @param name for messages
   * @param priority against other lanes; threads have none
   */
  Lane lane(String name, Gpu.Priority priority);

  /** What the calling thread has done or queued so far, for tasks to come after. */
  List<Event> soFar();

  /**
   * What the calling thread does or queues from now on comes after the task. Blocks the host only
   * where lanes are threads.
   *
   * @throws RuntimeException the task's own failure, if it is known
   */
  void join(Event task);

  /** Lanes that are threads. */
  static Lanes threads() {
    return new Lanes() {
      @Override
      public Lane lane(String name, Gpu.Priority priority) {
        return new CpuLane(name);
      }

      @Override
      public List<Event> soFar() {
        return List.of();
      }

      @Override
      public void join(Event task) {
        task.await();
      }
    };
  }

  /** Lanes that are streams of {@code gpu}. */
  static Lanes streams(Gpu gpu) {
    return new StreamLanes(gpu);
  }
}
