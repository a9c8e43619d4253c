package org.sparkmoe.topology;

import java.time.Duration;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;

/**
 * A group of one rank: every operation is a copy at most, and no thread or socket stands behind.
 */
record SoloCommunicator(Duration timeout) implements Communicator {
  private static final Handle DONE = () -> {};

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int size() {
    return 1;
  }

  @Override
  public Handle allToAll(Tensor output, Tensor input) {
    return copy(output, input);
  }

  @Override
  public Handle allToAll(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
    return copy(output, input);
  }

  @Override
  public Handle allGather(Tensor output, Tensor input) {
    return copy(output, input);
  }

  @Override
  public Handle reduceScatter(Tensor output, Tensor input) {
    return copy(output, input);
  }

  @Override
  public Handle allReduce(Tensor tensor, Reduction reduction) {
    return DONE;
  }

  @Override
  public Handle broadcast(Tensor tensor, int root) {
    return DONE;
  }

  @Override
  public Handle barrier() {
    return DONE;
  }

  @Override
  public void abort(String reason) {
    // Nobody waits.
  }

  @Override
  public void close() {
    // Nothing is held.
  }

  private static Handle copy(Tensor output, Tensor input) {
    output.copy_(input);
    return DONE;
  }
}
