package org.sparkmoe.collective;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.lane.GpuEvent;

/**
 * A thread that knows which operations are not complete, and aborts a communicator whose operation
 * takes too long or which NCCL reports as failed. NCCL can only be asked, so it asks often.
 */
final class NcclWatch implements AutoCloseable {
  private static final long PERIOD_MILLIS = 10;

  /** An operation that was queued. */
  static final class Pending {
    private final GroupMember member;
    private final String name;
    private final GpuEvent begin;
    private final GpuEvent end;
    private volatile Operation operation;
    private boolean begun;
    private volatile @Nullable CollectiveException timedOut;

    Pending(GroupMember member, String name, GpuEvent begin, GpuEvent end) {
      this.member = member;
      this.name = name;
      this.begin = begin;
      this.end = end;
      this.operation = Operation.begin(member, name);
    }

    GpuEvent end() {
      return end;
    }

    /** Since the GPU came to it, or since it was queued if it has not. */
    Operation operation() {
      return operation;
    }

    /** Set once the timeout is over. */
    @Nullable CollectiveException timedOut() {
      return timedOut;
    }

    /** Whether it is complete; its time begins when the GPU comes to it. */
    private boolean complete() {
      if (!begun && begin.reached()) {
        begun = true;
        operation = Operation.begin(member, name);
      }
      return end.reached();
    }

    private boolean late() {
      return begun && operation.remainingNanos() < 0;
    }
  }

  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          body -> {
            Thread daemon = new Thread(body, "nccl-watch");
            daemon.setDaemon(true);
            return daemon;
          });
  private final Map<NcclCommunicator, List<Pending>> operations = new HashMap<>();

  NcclWatch() {
    thread.scheduleWithFixedDelay(this::look, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  synchronized void add(NcclCommunicator communicator, Pending pending) {
    operations.computeIfAbsent(communicator, key -> new ArrayList<>()).add(pending);
  }

  /** Whether all operations of a communicator that is not to be watched any more are complete. */
  synchronized boolean forget(NcclCommunicator communicator) {
    List<Pending> left = operations.remove(communicator);
    return left == null || left.stream().allMatch(Pending::complete);
  }

  private synchronized void look() {
    operations.forEach(
        (communicator, pendings) -> {
          try {
            look(communicator, pendings);
          } catch (RuntimeException e) {
            // CUDA tells of a kernel's failure when it is next asked for anything. Thrown here it
            // would end the watch, and nobody would learn why.
            pendings.clear();
            communicator.abort("the GPU failed: " + e.getMessage());
          }
        });
  }

  private static void look(NcclCommunicator communicator, List<Pending> pendings) {
    communicator.check();
    for (Iterator<Pending> all = pendings.iterator(); all.hasNext(); ) {
      Pending pending = all.next();
      if (pending.complete()) {
        all.remove();
      } else if (pending.late()) {
        CollectiveException late = pending.operation().timedOut("");
        pending.timedOut = late;
        communicator.abort(String.valueOf(late.getMessage()));
      }
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
