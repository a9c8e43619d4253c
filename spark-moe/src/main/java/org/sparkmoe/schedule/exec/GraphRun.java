package org.sparkmoe.schedule.exec;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;

/**
 * One run of a graph by several lanes at once. A task starts when the monitor has seen all its
 * dependencies end; the first failure stops every lane before its next task.
 */
final class GraphRun {
  private final TaskGraph graph;
  private final Map<String, Runnable> bodies;
  private final StepClock clock = new StepClock();

  private final Map<String, Span> ended = new HashMap<>();

  private @Nullable Throwable failure;

  GraphRun(TaskGraph graph, Map<String, Runnable> bodies) {
    this.graph = graph;
    this.bodies = bodies;
  }

  /** Runs the lane's tasks; failures are recorded, not thrown. */
  void runLane(Lane lane) {
    try {
      for (Task task : graph.lane(lane)) {
        if (!awaitAll(task.dependencies())) {
          return;
        }
        double start = clock.millis();
        bodies.get(task.id()).run();
        end(new Span(task.id(), lane, start, clock.millis()));
      }
    } catch (Throwable e) {
      fail(e);
    }
  }

  /** False if the run has failed and nothing more must start. */
  private synchronized boolean awaitAll(List<String> dependencies) throws InterruptedException {
    while (failure == null && !ended.keySet().containsAll(dependencies)) {
      wait();
    }
    return failure == null;
  }

  private synchronized void end(Span span) {
    ended.put(span.id(), span);
    notifyAll();
  }

  synchronized void fail(Throwable cause) {
    if (failure == null) {
      failure = cause;
    } else if (failure != cause) {
      failure.addSuppressed(cause);
    }
    notifyAll();
  }

  /** The spans in issue order, or the first failure as it was thrown. */
  synchronized Map<String, Span> result() {
    if (failure instanceof RuntimeException exception) {
      throw exception;
    }
    if (failure instanceof Error error) {
      throw error;
    }
    if (failure != null) {
      throw new IllegalStateException("graph %s failed".formatted(graph.name()), failure);
    }
    Map<String, Span> spans = new LinkedHashMap<>();
    for (Task task : graph.tasks()) {
      spans.put(task.id(), ended.get(task.id()));
    }
    return spans;
  }
}
