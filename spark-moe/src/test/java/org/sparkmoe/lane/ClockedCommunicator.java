package org.sparkmoe.lane;

import java.time.Duration;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;

/**
 * A communicator that keeps its operations in a stream of its own, as NCCL's does, and whose sums
 * are uses of memory of the GPU. What it computes comes from another one.
 *
 * @param lasting whether what it sums stays where it is, so that an address is one tensor's
 */
public record ClockedCommunicator(
    Communicator of, ClockedGpu gpu, GpuStream stream, boolean lasting) implements Communicator {

  public ClockedCommunicator(Communicator of, ClockedGpu gpu, boolean lasting) {
    this(of, gpu, gpu.stream(Gpu.Priority.HIGH), lasting);
  }

  /** Its own stream keeps both, as NCCL's communicator does; the caller's has to itself. */
  private void exchanged(String what, Tensor output, Tensor input) {
    gpu.takes(input);
    gpu.makes(what, output);
  }

  private Handle queued(Handle done, Runnable uses) {
    stream.follow(gpu.current());
    stream.run(uses);
    GpuEvent end = stream.record();
    return () -> {
      done.await();
      gpu.current().waitFor(end);
    };
  }

  @Override
  public int rank() {
    return of.rank();
  }

  @Override
  public int size() {
    return of.size();
  }

  @Override
  public Duration timeout() {
    return of.timeout();
  }

  @Override
  public Handle allToAll(Tensor output, Tensor input) {
    exchanged("dispatched", output, input);
    return queued(of.allToAll(output, input), () -> {});
  }

  @Override
  public Handle allToAll(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
    exchanged("dispatched", output, input);
    return queued(of.allToAll(output, input, outputRows, inputRows), () -> {});
  }

  @Override
  public Handle allGather(Tensor output, Tensor input) {
    exchanged("gathered", output, input);
    return queued(of.allGather(output, input), () -> {});
  }

  @Override
  public Handle reduceScatter(Tensor output, Tensor input) {
    exchanged("reduced", output, input);
    return queued(of.reduceScatter(output, input), () -> {});
  }

  @Override
  public Handle allReduce(Tensor tensor, Reduction reduction) {
    return queued(
        of.allReduce(tensor, reduction),
        () -> {
          if (lasting) {
            gpu.writes("sum over ranks", tensor);
          }
        });
  }

  @Override
  public Handle broadcast(Tensor tensor, int root) {
    return queued(of.broadcast(tensor, root), () -> {});
  }

  @Override
  public Handle barrier() {
    return of.barrier();
  }

  @Override
  public void abort(String reason) {
    of.abort(reason);
  }

  @Override
  public void close() {
    of.close();
  }
}
