package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/**
 * Graphs of one MoE layer for a given degree: chunk j passes {@code dispatch.j, all_gather.j,
 * expert.j, reduce_scatter.j, combine.j}.
 */
public final class LayerGraphs {
  private static final Set<TaskKind> DENSE =
      EnumSet.of(
          TaskKind.MP_ALL_GATHER,
          TaskKind.MP_REDUCE_SCATTER,
          TaskKind.ATTENTION,
          TaskKind.ATTENTION_BACKWARD);

  private LayerGraphs() {}

  /** Intra-node communication has a lane of its own, as in {@code fsmoe}. */
  public static TaskGraph threeLanes(
      LayerWorkload layer, Direction direction, int degree, List<Double> gradientSlices) {
    return new BlockGraphs("three-lanes", Lane.INTRA_NODE)
        .moeLayer(layer, direction, degree, gradientSlices);
  }

  /** All communication queues in one lane, as in {@code tutel}. */
  public static TaskGraph twoLanes(
      LayerWorkload layer, Direction direction, int degree, List<Double> gradientSlices) {
    return new BlockGraphs("two-lanes", Lane.INTER_NODE)
        .moeLayer(layer, direction, degree, gradientSlices);
  }

  /**
   * What one MoE layer runs of a planned step: its own tasks, without the prefix in their ids, and
   * the gradient slices among them.
   *
   * @param step forward or backward of a {@link StepPlan} whose policy chunks MoE layers alone
   * @param layer index of the layer
   */
  public static TaskGraph ofLayer(TaskGraph step, Direction direction, int layer) {
    String prefix = prefix(direction, layer);
    List<Task> all = step.tasks();
    int last = lastOfMoe(all, prefix);
    List<Task> own = new ArrayList<>();
    for (int i = firstOfMoe(all, prefix); i <= last; i++) {
      Task task = all.get(i);
      List<String> dependencies =
          task.dependencies().stream()
              .filter(id -> id.startsWith(prefix) && !isDense(id.substring(prefix.length())))
              .map(id -> id.substring(prefix.length()))
              .toList();
      String id = task.id().startsWith(prefix) ? task.id().substring(prefix.length()) : task.id();
      own.add(new Task(id, task.kind(), task.lane(), task.workload(), dependencies));
    }
    return new TaskGraph(step.name() + "-" + layer, own);
  }

  /** The gradient slices that a planned backward runs beside the dense part of {@code layer}. */
  public static List<Task> besideDensePart(TaskGraph backward, int layer) {
    List<Task> all = backward.tasks();
    int from = lastOfMoe(all, prefix(Direction.BACKWARD, layer)) + 1;
    int to = layer == 0 ? all.size() : firstOfMoe(all, prefix(Direction.BACKWARD, layer - 1));
    String ownGradient = prefix(Direction.BACKWARD, layer) + "attention";
    return all.subList(from, to).stream()
        .filter(task -> task.kind() == TaskKind.GRADIENT_ALL_REDUCE)
        .filter(task -> !task.dependencies().contains(ownGradient))
        .toList();
  }

  private static String prefix(Direction direction, int layer) {
    return (direction == Direction.FORWARD ? "f" : "b") + layer + ".";
  }

  private static int firstOfMoe(List<Task> tasks, String prefix) {
    return IntStream.range(0, tasks.size())
        .filter(i -> isMoe(tasks.get(i), prefix))
        .findFirst()
        .orElseThrow(() -> noSuchLayer(prefix));
  }

  private static int lastOfMoe(List<Task> tasks, String prefix) {
    return IntStream.range(0, tasks.size())
        .filter(i -> isMoe(tasks.get(i), prefix))
        .max()
        .orElseThrow(() -> noSuchLayer(prefix));
  }

  private static boolean isMoe(Task task, String prefix) {
    return task.id().startsWith(prefix) && !DENSE.contains(task.kind());
  }

  private static boolean isDense(String id) {
    return id.startsWith("mp_") || id.startsWith("attention");
  }

  private static IllegalArgumentException noSuchLayer(String prefix) {
    return new IllegalArgumentException("the step has no MoE task whose id starts with " + prefix);
  }
}
