package org.sparkmoe.schedule.exec;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;

/** Checks that tasks and bodies belong together. */
final class Bodies {
  private Bodies() {}

  static void check(TaskGraph graph, Map<String, Runnable> bodies) {
    Set<String> ids = graph.tasks().stream().map(Task::id).collect(Collectors.toSet());
    Set<String> missing = new TreeSet<>(ids);
    missing.removeAll(bodies.keySet());
    Set<String> unknown = new TreeSet<>(bodies.keySet());
    unknown.removeAll(ids);
    if (!missing.isEmpty() || !unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "graph %s: tasks without a body: %s, bodies without a task: %s, must be one each"
              .formatted(graph.name(), missing, unknown));
    }
  }
}
