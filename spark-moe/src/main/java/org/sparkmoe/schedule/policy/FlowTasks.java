package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/**
 * Tasks whose order is still open, addressed by index: what {@link ListScheduler} works on. A task
 * depends on tasks of smaller index only.
 */
final class FlowTasks {
  private final CostModels costs;
  private final List<Name> names = new ArrayList<>();
  private final List<TaskKind> kinds = new ArrayList<>();
  private final List<int[]> dependencies = new ArrayList<>();
  private double[] workloads = new double[64];
  private double[] durations = new double[64];

  /** An id in parts, since most schedules are thrown away before anybody reads an id. */
  record Name(String layer, String task, int chunk) {
    @Override
    public String toString() {
      return layer + task + "." + chunk;
    }
  }

  FlowTasks(CostModels costs) {
    this.costs = costs;
  }

  /** Adds a task and returns its index. */
  int add(Name name, TaskKind kind, double workload, int... dependsOn) {
    int index = names.size();
    if (index == workloads.length) {
      workloads = Arrays.copyOf(workloads, 2 * index);
      durations = Arrays.copyOf(durations, 2 * index);
    }
    names.add(name);
    kinds.add(kind);
    dependencies.add(dependsOn);
    workloads[index] = workload;
    durations[index] = costs.time(kind, workload);
    return index;
  }

  /**
   * Adds {@code count} chunks that together do {@code workload}, each after those of {@code input}
   * that it shares tokens with.
   *
   * @return their indices
   */
  int[] addChunks(
      String layer, String task, TaskKind kind, int count, double workload, int[] input) {
    int[] chunks = new int[count];
    for (int i = 0; i < count; i++) {
      int[] needs = overlapping(input, i, count);
      chunks[i] = add(new Name(layer, task, i), kind, workload / count, needs);
    }
    return chunks;
  }

  /** As {@link #addChunks}, but each chunk also waits for the one before it. */
  int[] addChunksInOrder(
      String layer, String task, TaskKind kind, int count, double workload, int[] input) {
    int[] chunks = new int[count];
    for (int i = 0; i < count; i++) {
      int[] needs = overlapping(input, i, count);
      if (i > 0) {
        needs = IntStream.concat(IntStream.of(chunks[i - 1]), Arrays.stream(needs)).toArray();
      }
      chunks[i] = add(new Name(layer, task, i), kind, workload / count, needs);
    }
    return chunks;
  }

  private static int[] overlapping(int[] input, int chunk, int count) {
    int from = chunk * input.length / count;
    int to = ((chunk + 1) * input.length + count - 1) / count;
    return Arrays.copyOfRange(input, from, to);
  }

  int size() {
    return names.size();
  }

  double duration(int index) {
    return durations[index];
  }

  int[] dependencies(int index) {
    return dependencies.get(index);
  }

  Lane lane(int index) {
    return switch (kinds.get(index)) {
      case DISPATCH, COMBINE, GRADIENT_ALL_REDUCE -> Lane.INTER_NODE;
      case ALL_GATHER, REDUCE_SCATTER, MP_ALL_GATHER, MP_REDUCE_SCATTER -> Lane.INTRA_NODE;
      default -> Lane.COMPUTE;
    };
  }

  /** The graph that issues the tasks in {@code order}. */
  TaskGraph graph(String name, int[] order) {
    List<String> ids = names.stream().map(Name::toString).toList();
    List<Task> tasks = new ArrayList<>(order.length);
    for (int index : order) {
      List<String> dependsOn = new ArrayList<>();
      for (int dependency : dependencies.get(index)) {
        dependsOn.add(ids.get(dependency));
      }
      tasks.add(
          new Task(ids.get(index), kinds.get(index), lane(index), workloads[index], dependsOn));
    }
    return new TaskGraph(name, tasks);
  }
}
