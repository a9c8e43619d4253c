package org.sparkmoe.schedule.exec;

import java.util.Map;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.lane.Lanes;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.TaskGraph;

/**
 * Runs the tasks of a graph: each lane in issue order, each task after its dependencies.
 *
 * <p>What a body writes is visible to the bodies of tasks that depend on it. One graph runs at a
 * time.
 */
public interface GraphExecutor extends AutoCloseable {

  /**
   * Returns when every task has run.
   *
   * @param graph what to run
   * @param bodies the work of each task, by id, neither more nor fewer than the graph's tasks
   * @return when each task ran, in issue order, milliseconds of {@link System#nanoTime()}
   * @throws IllegalArgumentException if bodies and tasks do not match; then nothing has run
   * @throws RuntimeException the first one that a body threw; no task was started after it, and
   *     none is running any more
   */
  Map<String, Span> run(TaskGraph graph, Map<String, Runnable> bodies);

  @Override
  void close();

  /** Everything on the calling thread, in issue order: no overlap, the oracle of the others. */
  static GraphExecutor sequential() {
    return new SequentialExecutor();
  }

  /** One thread a lane. */
  static GraphExecutor lanes() {
    return new LaneExecutor();
  }

  /**
   * One stream of a GPU a lane. The caller's stream goes on after all tasks, the host does not
   * wait; spans tell when tasks were issued.
   */
  static GraphExecutor streams(Gpu gpu) {
    return new SubmittingExecutor(Lanes.streams(gpu));
  }
}
