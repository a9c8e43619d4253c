package org.sparkmoe.schedule.graph;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Tasks in issue order: one value that is printed, simulated, drawn and executed.
 *
 * <p>A lane runs its tasks in issue order, as a stream does. Dependencies point to tasks issued
 * earlier, so a valid graph is acyclic and cannot deadlock whatever the lanes' speeds.
 *
 * @param name one word, for people
 * @param tasks in issue order
 */
public record TaskGraph(String name, List<Task> tasks) {

  /**
   * @throws IllegalArgumentException if two tasks share an id, or a task depends on one that is not
   *     issued before it (unknown, later in the order, or itself); the message is the graph's text
   *     with the first faulty task marked
   */
  public TaskGraph {
    tasks = List.copyOf(tasks);
    if (name.isBlank() || name.chars().anyMatch(Character::isWhitespace)) {
      throw new IllegalArgumentException("graph name '%s': must be one word".formatted(name));
    }
    Set<String> issued = new HashSet<>();
    for (int i = 0; i < tasks.size(); i++) {
      Optional<String> fault = fault(tasks.get(i), issued, tasks);
      if (fault.isPresent()) {
        throw new IllegalArgumentException(
            "graph %s: %s%n%s".formatted(name, fault.get(), TaskGraphText.marked(name, tasks, i)));
      }
      issued.add(tasks.get(i).id());
    }
  }

  private static Optional<String> fault(Task task, Set<String> issued, List<Task> tasks) {
    if (issued.contains(task.id())) {
      return Optional.of("two tasks have the id " + task.id());
    }
    for (String dependency : task.dependencies()) {
      if (!issued.contains(dependency)) {
        boolean known = tasks.stream().anyMatch(other -> other.id().equals(dependency));
        return Optional.of(
            "task %s depends on %s, which is %s"
                .formatted(
                    task.id(),
                    dependency,
                    known ? "not issued before it" : "no task of this graph"));
      }
    }
    return Optional.empty();
  }

  /** The tasks of one lane, in issue order. */
  public List<Task> lane(Lane lane) {
    return tasks.stream().filter(task -> task.lane() == lane).toList();
  }

  /** Short text, one line a task; {@link #parse} reads it back. */
  @Override
  public String toString() {
    return TaskGraphText.print(this);
  }

  /**
   * Reads what {@link #toString} writes.
   *
   * @throws IllegalArgumentException if a line cannot be read (the message has its number) or the
   *     graph is not valid
   */
  public static TaskGraph parse(String text) {
    return TaskGraphText.parse(text);
  }
}
