package org.sparkmoe.schedule.graph;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Tasks in issue order. A lane runs its tasks in that order, as a stream does; dependencies point
 * backwards only, so the graph is acyclic by construction.
 *
 * @param name for people
 * @param tasks in issue order
 */
public record TaskGraph(String name, List<Task> tasks) {

  public TaskGraph {
    tasks = List.copyOf(tasks);
    Set<String> issued = new HashSet<>();
    for (Task task : tasks) {
      for (String dependency : task.dependencies()) {
        if (!issued.contains(dependency)) {
          throw new IllegalArgumentException(
              "graph %s: task %s depends on %s, which is not issued before it"
                  .formatted(name, task.id(), dependency));
        }
      }
      if (!issued.add(task.id())) {
        throw new IllegalArgumentException(
            "graph %s: two tasks have the id %s".formatted(name, task.id()));
      }
    }
  }
}
