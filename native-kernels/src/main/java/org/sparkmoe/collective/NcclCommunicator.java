package org.sparkmoe.collective;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.lane.GpuEvent;
import org.sparkmoe.lane.GpuStream;
import org.sparkmoe.tensor.TensorScope;

/**
 * Ranks with a GPU each, over NCCL.
 *
 * <p>Each communicator has a stream of its own, of high priority. An operation waits there for what
 * the caller's stream holds at the time of the call; {@link Handle#await} makes the caller's stream
 * wait for the operation, and not the host: it returns at once, and results may be used on that
 * stream, as those of any kernel. Only {@link #barrier} blocks the host.
 *
 * <p>So most failures show after the call that they belong to. A watch ({@link NcclWatch}) asks the
 * GPU which operations are complete and NCCL whether it failed; it aborts the communicator on a
 * failure or when the timeout is over, counted from the moment at which the GPU came to the
 * operation. Whatever is called or awaited next throws. After that, other ranks learn of it by
 * NCCL's own means or their own timeout.
 *
 * <p>Sums are taken in NCCL's order, which differs from the order of ranks of the other transports,
 * and bf16 is rounded on the way.
 */
public final class NcclCommunicator implements Communicator {
  private static final long POLL_NANOS = 10_000;

  private final GroupMember member;
  private final Gpu gpu;
  private final GpuStream stream;
  private final Nccl.Link link;
  private final NcclWatch watch;
  private final Tensor barrierCell;
  private final AtomicReference<@Nullable String> failure = new AtomicReference<>();
  private boolean closed;

  /**
   * Connects the group; blocks until all its ranks are here.
   *
   * @param device the tensors of this communicator live on the device of this one
   * @throws CollectiveException if that takes longer than the timeout or fails
   */
  NcclCommunicator(GroupMember member, Gpu gpu, Nccl.Link link, Tensor device, NcclWatch watch) {
    this.member = member;
    this.gpu = gpu;
    this.stream = gpu.stream(Gpu.Priority.HIGH);
    this.link = link;
    this.watch = watch;
    try (TensorScope scope = TensorScope.open()) {
      this.barrierCell = TensorScope.keep(torch.zeros(new long[] {1}, device.options()));
    }
    untilReady(Operation.begin(member, "connect"));
  }

  @Override
  public int rank() {
    return member.index();
  }

  @Override
  public int size() {
    return member.size();
  }

  @Override
  public Duration timeout() {
    return member.timeout();
  }

  @Override
  public Handle allToAll(Tensor output, Tensor input) {
    OperationArguments.pair(output, input);
    return allToAll(
        output,
        input,
        OperationArguments.evenSplits("output", output, size()),
        OperationArguments.evenSplits("input", input, size()));
  }

  @Override
  public Handle allToAll(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
    OperationArguments.pair(output, input);
    OperationArguments.splits("output", output, outputRows, size());
    OperationArguments.splits("input", input, inputRows, size());
    List<Transfer> transfers = Transfer.allToAll(rank(), outputRows, inputRows);
    return queue("allToAll", t -> exchange(transfers, t[0], t[1]), output, input);
  }

  private void exchange(List<Transfer> transfers, Tensor output, Tensor input) {
    link.group(
        () -> {
          for (Transfer t : transfers) {
            switch (t.direction()) {
              case SEND -> link.send(input.narrow(0, t.firstRow(), t.rows()), t.peer());
              case RECEIVE -> link.receive(output.narrow(0, t.firstRow(), t.rows()), t.peer());
            }
          }
        });
  }

  @Override
  public Handle allGather(Tensor output, Tensor input) {
    OperationArguments.pair(output, input);
    OperationArguments.rows("output", output, "input", input, size());
    return queue("allGather", t -> link.allGather(t[0], t[1]), output, input);
  }

  @Override
  public Handle reduceScatter(Tensor output, Tensor input) {
    OperationArguments.pair(output, input);
    OperationArguments.rows("input", input, "output", output, size());
    return queue("reduceScatter", t -> link.reduceScatter(t[0], t[1]), output, input);
  }

  @Override
  public Handle allReduce(Tensor tensor, Reduction reduction) {
    OperationArguments.tensor("tensor", tensor);
    return queue("allReduce " + reduction, t -> link.allReduce(t[0], reduction), tensor);
  }

  @Override
  public Handle broadcast(Tensor tensor, int root) {
    OperationArguments.tensor("tensor", tensor);
    OperationArguments.root(root, size());
    return queue(
        "broadcast from " + member.name(IntStream.of(root)),
        t -> link.broadcast(t[0], root),
        tensor);
  }

  /** An AllReduce of one element; its handle blocks the host, and throws what failed till then. */
  @Override
  public Handle barrier() {
    NcclWatch.Pending pending =
        issue("barrier", () -> link.allReduce(barrierCell, Reduction.MAX), barrierCell);
    return () -> {
      while (!pending.end().reached() && failure.get() == null) {
        LockSupport.parkNanos(POLL_NANOS);
        if (Thread.currentThread().isInterrupted()) {
          throw Operation.begin(member, "barrier").failed("the thread was interrupted");
        }
      }
      refuseFailed(pending);
    };
  }

  /**
   * Puts an operation on this communicator's stream. Empty tensors move nothing; those of the host
   * are carried to the GPU and, on waiting, back, which blocks.
   */
  private Handle queue(String name, Consumer<Tensor[]> call, Tensor... tensors) {
    if (tensors[0].numel() == 0 && tensors[tensors.length - 1].numel() == 0) {
      refuseFailed(Operation.begin(member, name));
      return () -> {};
    }
    if (tensors[0].is_cuda() != barrierCell.is_cuda()) {
      return carried(name, call, tensors);
    }
    NcclWatch.Pending pending = issue(name, () -> call.accept(tensors), tensors);
    return () -> await(pending);
  }

  private void await(NcclWatch.Pending pending) {
    refuseFailed(pending);
    gpu.current().waitFor(pending.end());
    refuseFailed(pending);
  }

  private Handle carried(String name, Consumer<Tensor[]> call, Tensor... tensors) {
    Tensor[] there = new Tensor[tensors.length];
    Tensor output = TensorScope.keep(new Tensor(tensors[0]));
    try (TensorScope scope = TensorScope.open()) {
      for (int i = 0; i < there.length; i++) {
        Tensor copy = tensors[i].to(barrierCell.device(), tensors[i].scalar_type());
        there[i] = TensorScope.keep(copy);
      }
    }
    NcclWatch.Pending pending = issue(name, () -> call.accept(there), there);
    return () -> {
      await(pending);
      try (TensorScope scope = TensorScope.open()) {
        output.copy_(there[0]);
      }
    };
  }

  private synchronized NcclWatch.Pending issue(String name, Runnable call, Tensor... tensors) {
    Operation operation = Operation.begin(member, name);
    refuseFailed(operation);
    stream.follow(gpu.current());
    GpuEvent begin = stream.record();
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      stream.run(call);
    } catch (RuntimeException e) {
      CollectiveException failed = operation.failed(e);
      abort(String.valueOf(failed.getMessage()));
      throw failed;
    }
    untilReady(operation);
    for (Tensor tensor : tensors) {
      stream.uses(tensor);
    }
    NcclWatch.Pending pending = new NcclWatch.Pending(member, name, begin, stream.record());
    watch.add(this, pending);
    return pending;
  }

  /** A link that does not block says of every call whether it has been done; it soon has. */
  private void untilReady(Operation operation) {
    while (link.progress() == Nccl.Progress.PENDING) {
      if (operation.remainingNanos() < 0) {
        CollectiveException late = operation.timedOut(", waiting for NCCL to connect or to queue");
        abort(String.valueOf(late.getMessage()));
        throw late;
      }
      LockSupport.parkNanos(POLL_NANOS);
      if (Thread.currentThread().isInterrupted()) {
        throw operation.failed("the thread was interrupted");
      }
    }
    refuseFailed(operation);
  }

  private void refuseFailed(NcclWatch.Pending pending) {
    CollectiveException timedOut = pending.timedOut();
    if (timedOut != null) {
      throw timedOut;
    }
    refuseFailed(pending.operation());
  }

  private void refuseFailed(Operation operation) {
    check();
    String reason = failure.get();
    if (reason != null) {
      throw operation.failed("the group was aborted: " + reason);
    }
  }

  /** Asks NCCL; on a failure it aborts. */
  void check() {
    if (failure.get() == null && link.progress() == Nccl.Progress.FAILED) {
      abort("NCCL failed on rank %d: %s".formatted(member.worldRank(), link.problem()));
    }
  }

  @Override
  public void abort(String reason) {
    if (failure.compareAndSet(null, reason)) {
      link.abort();
    }
  }

  /** Gives the group back if all its operations are complete, otherwise aborts it. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    boolean complete = watch.forget(this);
    String reason = "rank %d closed the communicator".formatted(member.worldRank());
    if (complete && failure.compareAndSet(null, reason)) {
      link.destroy();
    } else {
      abort(reason);
    }
    TensorScope.release(barrierCell);
  }
}
