package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/** Collects tasks in issue order. */
final class GraphBuilder {
  private final List<Task> tasks = new ArrayList<>();
  private final Lane intraNode;

  GraphBuilder(Lane intraNode) {
    this.intraNode = intraNode;
  }

  /** Adds a task on the lane of its kind and returns its id. */
  String add(String id, TaskKind kind, double workload, List<String> dependencies) {
    tasks.add(new Task(id, kind, lane(kind), workload, dependencies));
    return id;
  }

  String add(String id, TaskKind kind, double workload, String dependency) {
    return add(id, kind, workload, List.of(dependency));
  }

  private Lane lane(TaskKind kind) {
    return switch (kind) {
      case DISPATCH, COMBINE, GRADIENT_ALL_REDUCE -> Lane.INTER_NODE;
      case ALL_GATHER, REDUCE_SCATTER, MP_ALL_GATHER, MP_REDUCE_SCATTER -> intraNode;
      default -> Lane.COMPUTE;
    };
  }

  TaskGraph build(String name) {
    return new TaskGraph(name, tasks);
  }
}
