package org.sparkmoe.lane;

import java.util.List;

/**
 * A queue of tasks that run one after another in the order of their submission, as the kernels of a
 * CUDA stream do. Lanes run side by side; events order tasks across lanes.
 */
public interface Lane extends AutoCloseable {

  /**
   * Queues a task and returns at once.
   *
   * <p>If an event of {@code after} fails, {@code body} does not run and the returned event fails
   * with the same exception. A failed task does not stop the lane: the next one runs.
   *
   * @param body the task
   * @param after what must be complete before the task begins, on any lane
   * @throws IllegalStateException if the lane is closed
   */
  Event submit(Runnable body, List<Event> after);

  /**
   * Refuses new tasks and cancels those that have not begun. A task that is running goes on, but
   * its thread is interrupted.
   */
  @Override
  void close();
}
