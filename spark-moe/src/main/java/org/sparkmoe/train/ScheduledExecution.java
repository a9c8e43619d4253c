package org.sparkmoe.train;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.sparkmoe.moe.MoeExecution;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/**
 * Runs one MoE layer as planned, and its gradient slices with it: those in its backward graph, and
 * those that belong beside the dense part, which backward computes next.
 *
 * @param block the layer's block in the model; slices take gradients of blocks above it
 * @param besideDense slices to begin once backward of the layer has ended
 * @param clock is told how graphs ran
 */
record ScheduledExecution(
    int block,
    TaskGraph forward,
    TaskGraph backward,
    List<Task> besideDense,
    Machinery machinery,
    LayerClock clock)
    implements MoeExecution {

  /** What all layers share. */
  record Machinery(GraphExecutor executor, GradientSlices slices) {}

  @Override
  public void run(TaskGraph graph, Map<String, Runnable> bodies) {
    Map<String, Runnable> all = new HashMap<>(bodies);
    for (Task task : graph.tasks()) {
      if (task.kind() == TaskKind.GRADIENT_ALL_REDUCE) {
        all.put(task.id(), () -> sum(task));
      }
    }
    Map<String, Span> spans = machinery.executor().run(graph, all);
    clock.add(graph, spans);
    if (graph == backward) {
      besideDense.forEach(task -> machinery.slices().begin(block, task.workload()));
    }
  }

  private void sum(Task task) {
    machinery.slices().begin(block, task.workload());
    machinery.slices().await();
  }
}
