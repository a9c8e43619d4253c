package org.sparkmoe.collective;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.lane.CpuLane;
import org.sparkmoe.lane.Event;
import org.sparkmoe.lane.Lane;
import org.sparkmoe.tensor.TensorScope;

/**
 * Runs operations in issue order on a lane of its own, so that they proceed whether or not somebody
 * awaits them, and in whatever order handles are awaited.
 *
 * <p>An operation holds references of its own to its tensors: a caller that fails may free his
 * step's scope while the operation is still under way. The first failure aborts the whole
 * communicator, because ranks that do not agree on which operations are complete cannot go on
 * together.
 */
abstract sealed class QueuedCommunicator implements Communicator
    permits InProcessCommunicator, GlooCommunicator {

  /** What an operation does, on the lane. */
  @FunctionalInterface
  interface Body {
    void run(Operation operation, Tensor[] tensors);
  }

  private final GroupMember member;
  private final Lane lane;
  private final AtomicReference<@Nullable String> abortReason = new AtomicReference<>();

  QueuedCommunicator(GroupMember member) {
    this.member = member;
    this.lane = new CpuLane("collective-%s-%d".formatted(member.group(), member.worldRank()));
  }

  abstract void runAllToAll(
      Operation operation, Tensor output, Tensor input, long[] outputRows, long[] inputRows);

  abstract void runAllGather(Operation operation, Tensor output, Tensor input);

  abstract void runReduceScatter(Operation operation, Tensor output, Tensor input);

  abstract void runAllReduce(Operation operation, Tensor tensor, Reduction reduction);

  abstract void runBroadcast(Operation operation, Tensor tensor, int root);

  abstract void runBarrier(Operation operation);

  /** Makes operations under way fail on all ranks; called once. */
  abstract void unblock(String reason);

  final GroupMember member() {
    return member;
  }

  @Override
  public final int rank() {
    return member.index();
  }

  @Override
  public final int size() {
    return member.size();
  }

  @Override
  public final Duration timeout() {
    return member.timeout();
  }

  @Override
  public final Handle allToAll(Tensor output, Tensor input) {
    OperationArguments.pair(output, input);
    return allToAll(
        output,
        input,
        OperationArguments.evenSplits("output", output, size()),
        OperationArguments.evenSplits("input", input, size()));
  }

  @Override
  public final Handle allToAll(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
    OperationArguments.pair(output, input);
    OperationArguments.splits("output", output, outputRows, size());
    OperationArguments.splits("input", input, inputRows, size());
    long[] to = outputRows.clone();
    long[] from = inputRows.clone();
    return transfer(
        "allToAll", output, input, (operation, t) -> runAllToAll(operation, t[0], t[1], to, from));
  }

  @Override
  public final Handle allGather(Tensor output, Tensor input) {
    OperationArguments.pair(output, input);
    OperationArguments.rows("output", output, "input", input, size());
    return transfer(
        "allGather", output, input, (operation, t) -> runAllGather(operation, t[0], t[1]));
  }

  @Override
  public final Handle reduceScatter(Tensor output, Tensor input) {
    OperationArguments.pair(output, input);
    OperationArguments.rows("input", input, "output", output, size());
    return transfer(
        "reduceScatter", output, input, (operation, t) -> runReduceScatter(operation, t[0], t[1]));
  }

  @Override
  public final Handle allReduce(Tensor tensor, Reduction reduction) {
    OperationArguments.tensor("tensor", tensor);
    return inPlace(
        "allReduce " + reduction,
        (operation, t) -> runAllReduce(operation, t[0], reduction),
        tensor);
  }

  @Override
  public final Handle broadcast(Tensor tensor, int root) {
    OperationArguments.tensor("tensor", tensor);
    OperationArguments.root(root, size());
    return inPlace(
        "broadcast from " + member.name(IntStream.of(root)),
        (operation, t) -> runBroadcast(operation, t[0], root),
        tensor);
  }

  @Override
  public final Handle barrier() {
    return inPlace("barrier", (operation, t) -> runBarrier(operation));
  }

  @Override
  public final void abort(String reason) {
    if (abortReason.compareAndSet(null, reason)) {
      unblock(reason);
    }
  }

  @Override
  public void close() {
    abort("rank %d closed the communicator".formatted(member.worldRank()));
    try {
      // What is still queued fails at once, and frees its tensors.
      lane.submit(() -> {}, List.of()).await();
    } catch (IllegalStateException alreadyClosed) {
      return;
    }
    lane.close();
  }

  /** A group of one rank has nobody to wait for: it copies on the caller's thread. */
  private Handle transfer(String name, Tensor output, Tensor input, Body body) {
    if (size() > 1) {
      return queue(name, body, output, input);
    }
    refuseAfterAbort(Operation.begin(member, name));
    try (AutoGradMode off = new AutoGradMode(false)) {
      output.copy_(input);
    }
    return () -> {};
  }

  private Handle inPlace(String name, Body body, Tensor... tensors) {
    if (size() > 1) {
      return queue(name, body, tensors);
    }
    refuseAfterAbort(Operation.begin(member, name));
    return () -> {};
  }

  private Handle queue(String name, Body body, Tensor... tensors) {
    Tensor[] held = new Tensor[tensors.length];
    for (int i = 0; i < held.length; i++) {
      held[i] = TensorScope.keep(new Tensor(tensors[i]));
    }
    Event event = lane.submit(() -> run(name, body, held), List.of());
    return () -> await(event, name);
  }

  private void run(String name, Body body, Tensor[] held) {
    Operation operation = Operation.begin(member, name);
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      refuseAfterAbort(operation);
      body.run(operation, held);
    } catch (CollectiveException e) {
      abort(String.valueOf(e.getMessage()));
      throw e;
    } catch (RuntimeException e) {
      CollectiveException failure = operation.failed(e);
      abort(String.valueOf(failure.getMessage()));
      throw failure;
    } finally {
      for (Tensor tensor : held) {
        TensorScope.release(tensor);
      }
    }
  }

  private void refuseAfterAbort(Operation operation) {
    String reason = abortReason.get();
    if (reason != null) {
      throw operation.failed("the group was aborted: " + reason);
    }
  }

  private void await(Event event, String name) {
    try {
      event.await();
    } catch (CancellationException e) {
      throw new CollectiveException(
          "%s was given up: %s".formatted(member.describe(name), e.getMessage()), e);
    }
  }
}
