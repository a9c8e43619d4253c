package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/** One task after the other, on the calling thread. */
record SequentialExecution(TaskGraph forward, TaskGraph backward, GraphExecutor executor)
    implements MoeExecution {

  static SequentialExecution of(int forwardDegree, int backwardDegree) {
    return new SequentialExecution(
        graph("forward", forwardDegree),
        graph("backward", backwardDegree),
        GraphExecutor.sequential());
  }

  @Override
  public void run(TaskGraph graph, Map<String, Runnable> bodies) {
    executor.run(graph, bodies);
  }

  // Nothing here reads workloads: they stay 0.
  private static TaskGraph graph(String name, int degree) {
    List<Task> tasks = new ArrayList<>();
    for (int j = 0; j < degree; j++) {
      tasks.add(new Task("dispatch." + j, TaskKind.DISPATCH, Lane.INTER_NODE, 0));
    }
    for (int j = 0; j < degree; j++) {
      tasks.add(after("all_gather", TaskKind.ALL_GATHER, j, Lane.INTRA_NODE, "dispatch"));
      tasks.add(after("expert", TaskKind.EXPERT, j, Lane.COMPUTE, "all_gather"));
      tasks.add(after("reduce_scatter", TaskKind.REDUCE_SCATTER, j, Lane.INTRA_NODE, "expert"));
      tasks.add(after("combine", TaskKind.COMBINE, j, Lane.INTER_NODE, "reduce_scatter"));
    }
    return new TaskGraph(name, tasks);
  }

  private static Task after(String id, TaskKind kind, int j, Lane lane, String dependency) {
    return new Task(id + "." + j, kind, lane, 0, dependency + "." + j);
  }
}
