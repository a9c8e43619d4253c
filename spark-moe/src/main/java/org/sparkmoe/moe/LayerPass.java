package org.sparkmoe.moe;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.lane.CudaGpu;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.tensor.TensorScope;

/**
 * One direction of one layer: takes {@code [E, C, M]} through the five tasks of each chunk to
 * another {@code [E, C, M]}. Backward is the same journey with other work at the experts and other
 * hooks, because AlltoAll is its own adjoint and AllGather and ReduceScatter are each other's.
 *
 * <p>Tasks run on any thread. What one hands to the next lies in a cell, a tensor handle that the
 * step's scope owns; everything else that a task makes is freed when it ends. The rows of an expert
 * are ordered by (place, source rank), so that a chunk of places is a slice of rows whatever the
 * number of chunks.
 */
final class LayerPass {

  /** What happens at the experts. */
  interface Work {
    /** From rows {@code first} on, {@code output.size(1)} of them. */
    void run(long first, Tensor output);

    /** Adds to the gradients of weights for the same rows; nothing in forward. */
    void weightGradient(long first, long rows);
  }

  /** What a direction does to chunks before and after each AlltoAll. */
  @FunctionalInterface
  interface Hooking {
    Tensor apply(HookPoint point, Tensor value, int chunk, int chunks);
  }

  /** The hook points of a direction in the order in which it meets them. */
  record Journey(
      HookPoint beforeDispatch,
      HookPoint afterDispatch,
      HookPoint beforeCombine,
      HookPoint afterCombine,
      Hooking hooking) {

    static Journey forward(LayerHooks hooks) {
      return new Journey(
          HookPoint.BEFORE_DISPATCH,
          HookPoint.AFTER_DISPATCH,
          HookPoint.BEFORE_COMBINE,
          HookPoint.AFTER_COMBINE,
          hooks::forward);
    }

    static Journey backward(LayerHooks hooks) {
      return new Journey(
          HookPoint.AFTER_COMBINE,
          HookPoint.BEFORE_COMBINE,
          HookPoint.AFTER_DISPATCH,
          HookPoint.BEFORE_DISPATCH,
          hooks::backward);
    }
  }

  /** The groups that chunks travel through. */
  record Roads(Dispatch dispatch, Communicator esp) {}

  private final ExchangeShape shape;
  private final Roads roads;
  private final Journey journey;
  private final Tensor source;
  private final Tensor rows;
  private final Tensor result;
  private final boolean local;
  private final int chunks;
  private final boolean separateWeightGradient;
  private final Tensor[] dispatched;
  private final Tensor[] gathered;
  private final Tensor[] computed;
  private final Tensor[] reduced;

  /**
   * Allocates what tasks fill, in the calling thread's scope.
   *
   * @param source {@code [E, C, M]} contiguous
   * @param local whether nothing travels: one source, no hooks
   */
  LayerPass(
      ExchangeShape shape,
      Roads roads,
      Journey journey,
      Tensor source,
      boolean local,
      TaskGraph graph) {
    this.shape = shape;
    this.roads = roads;
    this.journey = journey;
    this.source = source;
    this.local = local;
    this.chunks = chunks(graph);
    this.separateWeightGradient = has(graph, TaskKind.EXPERT_WEIGHT_GRADIENT);
    long[] rowShape = {shape.localExperts(), shape.rows(), shape.width()};
    this.rows = local ? source : torch.empty(rowShape, source.options(), null);
    this.result = torch.empty_like(source);
    this.dispatched = cells(chunks);
    this.gathered = cells(chunks);
    this.computed = cells(chunks);
    this.reduced = cells(chunks);
  }

  /** The pipeline degree of a layer's graph. */
  static int chunks(TaskGraph graph) {
    return Math.toIntExact(
        graph.tasks().stream().filter(task -> task.id().startsWith("expert.")).count());
  }

  /** {@code [El, R, M]}: the experts' rows, each filled before the work of its chunk. */
  Tensor rows() {
    return rows;
  }

  /** {@code [E, C, M]}, complete when all tasks have run. */
  Tensor result() {
    return result;
  }

  /** The layer's tasks of both directions by id. */
  Map<String, Runnable> bodies(Work work) {
    Map<String, Runnable> bodies = new HashMap<>();
    for (int chunk = 0; chunk < chunks; chunk++) {
      int j = chunk;
      bodies.put("dispatch." + j, task(() -> dispatch(j)));
      bodies.put("all_gather." + j, task(() -> allGather(j)));
      bodies.put("expert." + j, task(() -> expert(j, work)));
      bodies.put("reduce_scatter." + j, task(() -> reduceScatter(j)));
      bodies.put("combine." + j, task(() -> combine(j)));
      if (separateWeightGradient) {
        bodies.put(
            "expert_weight_gradient." + j,
            task(() -> work.weightGradient(firstRow(j), chunkRows())));
      }
    }
    return bodies;
  }

  private void dispatch(int j) {
    if (!local) {
      Tensor chunk = places(source, j).reshape(-1, shape.width()).contiguous();
      dispatched[j].put(exchange(j, chunk, journey.beforeDispatch(), journey.afterDispatch()));
    }
  }

  private void allGather(int j) {
    if (!local) {
      gathered[j].put(roads.esp().size() == 1 ? dispatched[j] : allGathered(dispatched[j]));
      free(dispatched[j]);
    }
  }

  private Tensor allGathered(Tensor input) {
    long[] size = {input.size(0) * shape.nEsp(), input.size(1)};
    Tensor output = torch.empty(size, input.options(), null);
    roads.esp().allGather(output, input).await();
    return output;
  }

  private void expert(int j, Work work) {
    if (local) {
      work.run(firstRow(j), places(result, j));
    } else {
      long[] bySource = {shape.sources(), shape.localExperts(), chunkPlaces(), shape.width()};
      rows.narrow(1, firstRow(j), chunkRows())
          .view(shape.localExperts(), chunkPlaces(), shape.sources(), shape.width())
          .copy_(gathered[j].view(bySource).permute(1, 2, 0, 3));
      free(gathered[j]);
      long[] byRow = {shape.localExperts(), chunkRows(), shape.width()};
      Tensor output = torch.empty(byRow, rows.options(), null);
      work.run(firstRow(j), output);
      computed[j].put(
          output
              .view(shape.localExperts(), chunkPlaces(), shape.sources(), shape.width())
              .permute(2, 0, 1, 3)
              .contiguous());
    }
    if (!separateWeightGradient) {
      work.weightGradient(firstRow(j), chunkRows());
    }
  }

  private void reduceScatter(int j) {
    if (local) {
      return;
    }
    Tensor partial = computed[j].view(-1, shape.width());
    if (roads.esp().size() == 1) {
      reduced[j].put(partial);
    } else {
      long[] size = {partial.size(0) / shape.nEsp(), shape.width()};
      Tensor sum = torch.empty(size, partial.options(), null);
      roads.esp().reduceScatter(sum, partial).await();
      reduced[j].put(sum);
    }
    free(computed[j]);
  }

  private void combine(int j) {
    if (!local) {
      Tensor back = exchange(j, reduced[j], journey.beforeCombine(), journey.afterCombine());
      Tensor target = places(result, j);
      target.copy_(back.view(target.sizes().vec().get()));
      free(reduced[j]);
    }
  }

  private Tensor exchange(int j, Tensor chunk, HookPoint before, HookPoint after) {
    Tensor sent = journey.hooking().apply(before, chunk, j, chunks);
    Tensor received = sent;
    if (shape.nEp() > 1) {
      received = torch.empty_like(sent);
      roads.dispatch().exchange(received, sent);
    }
    Tensor restored = journey.hooking().apply(after, received, j, chunks);
    if (!kind(restored).equals(kind(chunk))) {
      throw new IllegalStateException(
          "hooks at %s and %s turned a chunk of %s into %s, must restore it"
              .formatted(before, after, kind(chunk), kind(restored)));
    }
    return restored;
  }

  private static String kind(Tensor tensor) {
    return tensor.scalar_type().intern() + Arrays.toString(tensor.sizes().vec().get());
  }

  private Tensor places(Tensor bufferECM, int j) {
    return bufferECM.narrow(1, j * chunkPlaces(), chunkPlaces());
  }

  private long firstRow(int j) {
    return j * chunkRows();
  }

  private long chunkPlaces() {
    return shape.capacity() / chunks;
  }

  private long chunkRows() {
    return shape.rows() / chunks;
  }

  /** A cell may have been filled on another lane, whose stream may be ahead of this one. */
  private static void free(Tensor cell) {
    CudaGpu.usedHere(cell);
    cell.reset();
  }

  private static Runnable task(Runnable body) {
    return () -> {
      // Both are the thread's own, and lanes run tasks on threads of their own.
      try (TensorScope scope = TensorScope.open();
          AutoGradMode off = new AutoGradMode(false)) {
        body.run();
      }
    };
  }

  private static boolean has(TaskGraph graph, TaskKind kind) {
    return graph.tasks().stream().map(Task::kind).anyMatch(kind::equals);
  }

  private static Tensor[] cells(int count) {
    Tensor[] cells = new Tensor[count];
    for (int i = 0; i < count; i++) {
      cells[i] = new Tensor();
    }
    return cells;
  }
}
