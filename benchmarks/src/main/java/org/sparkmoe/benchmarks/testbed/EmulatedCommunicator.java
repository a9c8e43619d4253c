package org.sparkmoe.benchmarks.testbed;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.lane.CpuLane;
import org.sparkmoe.lane.Event;
import org.sparkmoe.lane.Lane;

/**
 * Operations of another communicator, each complete only when its bytes would be through the links
 * of an {@link EmulatedLinks}. Waiting takes no processor time.
 *
 * <p>Bytes are those that a rank of a ring or of pairwise exchanges sends. Barriers take no time.
 */
final class EmulatedCommunicator implements Communicator {
  private final Communicator real;
  private final EmulatedGroup group;
  private final Lane lane;
  private long operations;

  EmulatedCommunicator(Communicator real, EmulatedGroup group, String name) {
    this.real = real;
    this.group = group;
    this.lane = new CpuLane("link-" + name);
  }

  @Override
  public int rank() {
    return real.rank();
  }

  @Override
  public int size() {
    return real.size();
  }

  @Override
  public Duration timeout() {
    return real.timeout();
  }

  @Override
  public Handle allToAll(Tensor output, Tensor input) {
    return delayed(real.allToAll(output, input), othersShare(input.nbytes()));
  }

  @Override
  public Handle allToAll(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
    Handle handle = real.allToAll(output, input, outputRows, inputRows);
    return delayed(handle, othersShare(input.nbytes()));
  }

  @Override
  public Handle allGather(Tensor output, Tensor input) {
    return delayed(real.allGather(output, input), othersShare(output.nbytes()));
  }

  @Override
  public Handle reduceScatter(Tensor output, Tensor input) {
    return delayed(real.reduceScatter(output, input), othersShare(input.nbytes()));
  }

  @Override
  public Handle allReduce(Tensor tensor, Reduction reduction) {
    return delayed(real.allReduce(tensor, reduction), 2 * othersShare(tensor.nbytes()));
  }

  @Override
  public Handle broadcast(Tensor tensor, int root) {
    return delayed(real.broadcast(tensor, root), tensor.nbytes());
  }

  @Override
  public Handle barrier() {
    return real.barrier();
  }

  private double othersShare(long bytes) {
    return (double) bytes * (size() - 1) / size();
  }

  private Handle delayed(Handle handle, double bytes) {
    if (size() == 1) {
      return handle;
    }
    long operation = operations++;
    group.ready(operation, System.nanoTime());
    Event through =
        lane.submit(
            () -> {
              handle.await();
              sleepUntil(group.end(operation, bytes));
            },
            List.of());
    return through::await;
  }

  private static void sleepUntil(long nanos) {
    for (long left = nanos - System.nanoTime(); left > 0; left = nanos - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  @Override
  public void abort(String reason) {
    real.abort(reason);
  }

  @Override
  public void close() {
    real.close();
    lane.close();
  }
}
