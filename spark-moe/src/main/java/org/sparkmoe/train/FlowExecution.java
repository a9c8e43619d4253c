package org.sparkmoe.train;

import java.util.HashMap;
import java.util.Map;
import org.sparkmoe.model.BlockFlow;
import org.sparkmoe.moe.MoeExecution;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.train.ScheduledExecution.Machinery;

/**
 * Runs all blocks of a stage by the plan's own graphs, and the gradient slices among their tasks. A
 * slice takes gradients of the blocks whose attention it depends on, and of those above.
 *
 * @param clock is told how graphs ran
 */
record FlowExecution(
    BlockFlow blocks, TaskGraph forward, TaskGraph backward, Machinery machinery, LayerClock clock)
    implements MoeExecution {

  @Override
  public void run(TaskGraph graph, Map<String, Runnable> bodies) {
    Map<String, Runnable> all = new HashMap<>(bodies);
    for (Task task : graph.tasks()) {
      if (task.kind() == TaskKind.GRADIENT_ALL_REDUCE) {
        int below = blocks.firstBlock(lowestLayer(task)) - 1;
        all.put(task.id(), () -> sum(task, below));
      }
    }
    Map<String, Span> spans = machinery.executor().run(graph, all);
    clock.add(graph, spans);
  }

  private void sum(Task task, int below) {
    machinery.slices().begin(below, task.workload());
    machinery.slices().await();
  }

  /** Ids are as {@code b3.attention.0}. */
  private static int lowestLayer(Task slice) {
    return slice.dependencies().stream()
        .mapToInt(id -> Integer.parseInt(id.substring(1, id.indexOf('.'))))
        .min()
        .orElseThrow();
  }
}
