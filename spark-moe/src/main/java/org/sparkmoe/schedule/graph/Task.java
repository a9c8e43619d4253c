package org.sparkmoe.schedule.graph;

import java.util.List;
import java.util.regex.Pattern;

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
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9_.-]+");

  public Task {
    dependencies = List.copyOf(dependencies);
    if (!ID.matcher(id).matches()) {
      throw new IllegalArgumentException("task id '%s': must match %s".formatted(id, ID.pattern()));
    }
    if (!(workload >= 0) || Double.isInfinite(workload)) {
      throw new IllegalArgumentException(
          "task %s: workload %s, must be finite and not negative".formatted(id, workload));
    }
  }

  public Task(String id, TaskKind kind, Lane lane, double workload, String... dependencies) {
    this(id, kind, lane, workload, List.of(dependencies));
  }
}
