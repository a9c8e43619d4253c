package org.sparkmoe.schedule.graph;

import java.util.List;

/**
 * One node of a {@link TaskGraph}.
 *
 * @param id unique in its graph, without blanks or commas; the last number is the chunk, as in
 *     {@code dispatch.0} of a layer's graph and {@code b3.dispatch.0} of layer 3 in backward
 * @param kind what it does
 * @param lane the resource that runs it
 * @param workload n of its cost model: elements for communication, multiply-adds for computation
 * @param dependencies ids of tasks that must end before this one starts
 */
public record Task(
    String id, TaskKind kind, Lane lane, double workload, List<String> dependencies) {

  public Task {
    dependencies = List.copyOf(dependencies);
    if (!isWord(id)) {
      throw new IllegalArgumentException(
          "task id '%s': must be one or more of A-Z, a-z, 0-9, '_', '.' and '-'".formatted(id));
    }
    if (!(workload >= 0) || Double.isInfinite(workload)) {
      throw new IllegalArgumentException(
          "task %s: workload %s, must be finite and not negative".formatted(id, workload));
    }
  }

  /** By hand, since planning makes tasks by the million. */
  private static boolean isWord(String id) {
    for (int i = 0; i < id.length(); i++) {
      char c = id.charAt(i);
      boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      boolean other = (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
      if (!letter && !other) {
        return false;
      }
    }
    return !id.isEmpty();
  }

  public Task(String id, TaskKind kind, Lane lane, double workload, String... dependencies) {
    this(id, kind, lane, workload, List.of(dependencies));
  }
}
