package org.sparkmoe.benchmarks.testbed;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Real work of the size that a task names: a collective over the group that its kind uses, or
 * matrix products. Data are f32; every task has buffers of its own, made beforehand.
 *
 * <p>A rank computes at a given rate at most, as its links carry a given rate: ranks share the
 * cores of one machine with what moves their packets, which on a cluster of GPUs has processors of
 * its own. Rows are multiplied a few at a time, and the rank sleeps until their time is over.
 */
final class WorkloadBodies {
  /** Both sizes of the weight that products multiply by. */
  private static final long WIDTH = 256;

  /** Of the rows that are multiplied between two sleeps: long beside waking up, short in a task. */
  private static final double SLICE_MILLIS = 2;

  private final RankGroups groups;
  private final double rate;
  private final Map<String, Tensor> buffers = new HashMap<>();
  private final Tensor weight = TensorScope.keep(torch.ones(WIDTH, WIDTH));

  /**
   * @param rate multiply-adds that a rank computes in a millisecond at most; infinite for all it
   *     can
   */
  WorkloadBodies(RankGroups groups, double rate) {
    this.groups = groups;
    this.rate = rate;
  }

  /** The work of each task, by id. */
  Map<String, Runnable> of(TaskGraph graph) {
    Map<String, Runnable> bodies = new HashMap<>();
    for (Task task : graph.tasks()) {
      bodies.put(task.id(), of(task.kind(), task.workload()));
    }
    return bodies;
  }

  /**
   * @param workload elements as the cost models count them, or multiply-adds
   */
  Runnable of(TaskKind kind, double workload) {
    return switch (kind) {
      case DISPATCH, COMBINE -> {
        Tensor from = buffer("from", whole(workload, groups.ep()), 1);
        Tensor to = buffer("to", whole(workload, groups.ep()), 1);
        yield () -> groups.ep().allToAll(to, from).await();
      }
      case ALL_GATHER -> allGather(groups.esp(), workload);
      case MP_ALL_GATHER -> allGather(groups.mp(), workload);
      case REDUCE_SCATTER -> reduceScatter(groups.esp(), workload);
      case MP_REDUCE_SCATTER -> reduceScatter(groups.mp(), workload);
      case GRADIENT_ALL_REDUCE -> {
        Tensor sum = buffer("sum", Math.max(1, Math.round(workload)), 1);
        yield () -> groups.dp().allReduce(sum, Reduction.SUM).await();
      }
      case EXPERT, EXPERT_INPUT_GRADIENT, EXPERT_WEIGHT_GRADIENT -> product(workload, 1);
      case ATTENTION, ATTENTION_INPUT_GRADIENT, ATTENTION_WEIGHT_GRADIENT -> product(workload, 1);
      case EXPERT_BACKWARD, ATTENTION_BACKWARD -> product(workload, 2);
      case GATE, GATE_BACKWARD, INVERSE_ORDER, INVERSE_ORDER_BACKWARD -> copy(workload);
    };
  }

  /** Frees all buffers; bodies made before must not run again. */
  void clear() {
    buffers.values().forEach(TensorScope::release);
    buffers.clear();
  }

  private Runnable allGather(Communicator group, double workload) {
    long whole = whole(workload, group);
    Tensor to = buffer("gathered", whole, 1);
    Tensor from = buffer("part", whole / group.size(), 1);
    return () -> group.allGather(to, from).await();
  }

  private Runnable reduceScatter(Communicator group, double workload) {
    long whole = whole(workload, group);
    Tensor to = buffer("reduced", whole / group.size(), 1);
    Tensor from = buffer("unreduced", whole, 1);
    return () -> group.reduceScatter(to, from).await();
  }

  private Runnable copy(double elements) {
    Tensor from = buffer("tokens", Math.max(1, Math.round(elements)), 1);
    Tensor to = buffer("ordered", Math.max(1, Math.round(elements)), 1);
    return () -> {
      try (TensorScope scope = TensorScope.open()) {
        to.copy_(from);
      }
    };
  }

  private Runnable product(double multiplyAdds, int times) {
    long rows = Math.max(1, Math.round(multiplyAdds / (WIDTH * WIDTH)));
    Tensor from = buffer("rows", rows, WIDTH);
    Tensor to = buffer("products", rows, WIDTH);
    double rowMillis = WIDTH * WIDTH / rate;
    long slice = Math.max(1, Math.round(Math.min(rows, SLICE_MILLIS / rowMillis)));
    return () -> {
      long start = System.nanoTime();
      for (int i = 0; i < times; i++) {
        for (long first = 0; first < rows; first += slice) {
          long end = Math.min(rows, first + slice);
          try (TensorScope scope = TensorScope.open()) {
            Tensor products = to.slice(0, new LongOptional(first), new LongOptional(end), 1);
            Tensor part = from.slice(0, new LongOptional(first), new LongOptional(end), 1);
            torch.matmul_out(products, part, weight);
          }
          sleepUntil(start + Math.round((i * rows + end) * rowMillis * 1e6));
        }
      }
    };
  }

  private static void sleepUntil(long nanoTime) {
    long left = nanoTime - System.nanoTime();
    while (left > 0) {
      LockSupport.parkNanos(left);
      left = nanoTime - System.nanoTime();
    }
  }

  private static long whole(double elements, Communicator group) {
    return Math.max(1, Math.round(elements / group.size())) * group.size();
  }

  /** Tasks with equal work in one lane run after each other, and may share. */
  private Tensor buffer(String role, long rows, long columns) {
    return buffers.computeIfAbsent(
        role + rows + "x" + columns,
        key -> TensorScope.keep(torch.full(new long[] {rows, columns}, new Scalar(1e-3))));
  }
}
