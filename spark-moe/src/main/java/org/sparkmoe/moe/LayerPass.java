package org.sparkmoe.moe;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.lane.StreamLane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.tensor.TensorScope;

/**
 * One direction of one layer: takes a buffer of this rank's tokens through the five tasks of each
 * chunk to another of the same shape. Backward is the same journey with other work at the experts
 * and other hooks, because AlltoAll is its own adjoint and AllGather and ReduceScatter are each
 * other's.
 *
 * <p>Tasks run on any thread. What one hands to the next lies in a cell, a tensor handle that the
 * step's scope owns; everything else that a task makes is freed when it ends. Which rows a chunk is
 * made of, {@link ExchangeRows} knows.
 */
final class LayerPass {

  /** What happens at the experts, batch by batch. */
  interface Work {
    /** From rows {@code first} of the batch on, {@code output.size(1)} of them. */
    void run(int batch, long first, Tensor output);

    /** Adds to the gradients of weights for the same rows; nothing in forward. */
    void weightGradient(int batch, long first, long rows);
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

  /** The groups that chunks travel through, and that which tells how many rows there are. */
  record Roads(Dispatch dispatch, Communicator esp, StageCounts counts) {}

  /**
   * How a direction is cut.
   *
   * @param chunks r, the pipeline degree
   * @param separateWeightGradient whether experts' gradients by weight are tasks of their own
   */
  record Cut(int chunks, boolean separateWeightGradient) {

    /** Of a layer's own graph. */
    static Cut of(TaskGraph graph) {
      return of(graph, "");
    }

    /** Of the tasks whose ids begin with {@code prefix}. */
    static Cut of(TaskGraph graph, String prefix) {
      int chunks =
          Math.toIntExact(
              graph.tasks().stream()
                  .filter(task -> task.id().startsWith(prefix + "expert."))
                  .count());
      boolean separate =
          graph.tasks().stream()
              .filter(task -> task.id().startsWith(prefix))
              .map(Task::kind)
              .anyMatch(TaskKind.EXPERT_WEIGHT_GRADIENT::equals);
      return new Cut(chunks, separate);
    }
  }

  private final ExchangeRows plan;
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
   * @param source {@code [n, rows, M]} contiguous, as {@code plan} says
   * @param local whether nothing travels: one source, no hooks
   */
  LayerPass(
      ExchangeRows plan, Roads roads, Journey journey, Tensor source, boolean local, Cut cut) {
    this.plan = plan;
    this.roads = roads;
    this.journey = journey;
    this.source = source;
    this.local = local;
    this.chunks = cut.chunks();
    this.separateWeightGradient = cut.separateWeightGradient();
    this.rows = local ? flat(source) : plan.expertRows(source);
    this.result = plan.results(source);
    this.dispatched = cells(chunks);
    this.gathered = cells(chunks);
    this.computed = cells(chunks);
    this.reduced = cells(chunks);
  }

  /** {@code [n, M]}: the experts' rows, each filled before the work of its chunk. */
  Tensor rows() {
    return rows;
  }

  /** Of the shape of the source, complete when all tasks have run. */
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
        bodies.put("expert_weight_gradient." + j, task(() -> weightGradient(chunk(j), work)));
      }
    }
    return bodies;
  }

  private void dispatch(int j) {
    if (!local) {
      Tensor rows = plan.load(source, chunk(j));
      Tensor sent = hook(journey.beforeDispatch(), rows, j);
      Tensor arrived = plan.dispatch(roads.dispatch(), sent, chunk(j));
      dispatched[j].put(restored(j, rows, arrived, journey.beforeDispatch()));
    }
  }

  private void allGather(int j) {
    if (!local) {
      gathered[j].put(plan.allGather(roads.esp(), dispatched[j], chunk(j)));
      empty(dispatched[j]);
    }
  }

  private void expert(int j, Work work) {
    Chunk chunk = chunk(j);
    if (local) {
      compute(chunk, work, (batch, before) -> slice(batch.of(flat(result)), batch, chunk));
    } else {
      plan.toExperts(gathered[j], rows, chunk);
      empty(gathered[j]);
      Tensor outputs = ExchangeRows.rows(rows, chunkRows(chunk));
      compute(
          chunk,
          work,
          (batch, before) ->
              outputs
                  .narrow(0, before, batch.experts() * batch.rows(chunk))
                  .view(batch.experts(), batch.rows(chunk), rows.size(1)));
      computed[j].put(plan.fromExperts(outputs, chunk));
    }
    if (!separateWeightGradient) {
      weightGradient(chunk, work);
    }
  }

  /** Where a batch's output goes; {@code before} rows of the chunk belong to earlier batches. */
  @FunctionalInterface
  private interface Outputs {
    Tensor of(ExpertBatch batch, long before);
  }

  private void compute(Chunk chunk, Work work, Outputs outputs) {
    long before = 0;
    for (int b = 0; b < plan.batches().size(); b++) {
      ExpertBatch batch = plan.batches().get(b);
      if (batch.rows(chunk) > 0) {
        work.run(b, batch.first(chunk), outputs.of(batch, before));
      }
      before += batch.experts() * batch.rows(chunk);
    }
  }

  private void weightGradient(Chunk chunk, Work work) {
    for (int b = 0; b < plan.batches().size(); b++) {
      ExpertBatch batch = plan.batches().get(b);
      // Also of no rows: a gradient of zero is there afterwards.
      work.weightGradient(b, batch.first(chunk), batch.rows(chunk));
    }
  }

  private void reduceScatter(int j) {
    if (!local) {
      reduced[j].put(plan.reduceScatter(roads.esp(), computed[j], chunk(j)));
      empty(computed[j]);
    }
  }

  private void combine(int j) {
    if (!local) {
      Tensor sent = hook(journey.beforeCombine(), reduced[j], j);
      Tensor arrived = plan.combine(roads.dispatch(), sent, chunk(j));
      plan.unload(restored(j, reduced[j], arrived, journey.beforeCombine()), result, chunk(j));
      empty(reduced[j]);
    }
  }

  /** Frees what a task of another lane has left, when this one has queued its last use. */
  private static void empty(Tensor cell) {
    StreamLane.usedHere(cell);
    cell.reset();
  }

  private Tensor hook(HookPoint point, Tensor value, int j) {
    return journey.hooking().apply(point, value, j, chunks);
  }

  /** What hooks after an AlltoAll make of what has {@code arrived}: rows like those before it. */
  private Tensor restored(int j, Tensor before, Tensor arrived, HookPoint sentAt) {
    HookPoint point =
        sentAt == journey.beforeDispatch() ? journey.afterDispatch() : journey.afterCombine();
    Tensor restored = hook(point, arrived, j);
    String wanted = kind(before, arrived.size(0));
    String is = kind(restored, restored.size(0));
    if (!is.equals(wanted)) {
      throw new IllegalStateException(
          "hooks at %s and %s turned a chunk of %s into %s, must restore it"
              .formatted(sentAt, point, wanted, is));
    }
    return restored;
  }

  private static String kind(Tensor tensor, long rows) {
    long[] shape = tensor.sizes().vec().get();
    shape[0] = rows;
    return tensor.scalar_type().intern() + Arrays.toString(shape);
  }

  private Chunk chunk(int j) {
    return new Chunk(j, chunks);
  }

  private long chunkRows(Chunk chunk) {
    return plan.batches().stream().mapToLong(batch -> batch.experts() * batch.rows(chunk)).sum();
  }

  private static Tensor slice(Tensor rows, ExpertBatch batch, Chunk chunk) {
    return rows.narrow(1, batch.first(chunk), batch.rows(chunk));
  }

  private static Tensor flat(Tensor buffer) {
    return buffer.view(-1, buffer.size(2));
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

  private static Tensor[] cells(int count) {
    Tensor[] cells = new Tensor[count];
    for (int i = 0; i < count; i++) {
      cells[i] = new Tensor();
    }
    return cells;
  }
}
