package org.sparkmoe.schedule.graph;

import java.util.List;

/**
 * One node of a {@link TaskGraph}.
 *
 * @param id unique in its graph, for example {@code dispatch.0}
 * @param kind what it does
 * @param chunk index of the pipeline chunk, from 0
 * @param lane the resource that runs it
 * @param workload n of its cost model: elements for communication, multiply-adds for computation
 * @param dependencies ids of tasks that must end before this one starts
 */
public record Task(
    String id, TaskKind kind, int chunk, Lane lane, double workload, List<String> dependencies) {

  public Task {
    dependencies = List.copyOf(dependencies);
    if (id.isBlank() || chunk < 0 || !(workload >= 0)) {
      throw new IllegalArgumentException(
          "task '%s': the id must not be blank, chunk %d and workload %s must not be negative"
              .formatted(id, chunk, workload));
    }
  }
}
