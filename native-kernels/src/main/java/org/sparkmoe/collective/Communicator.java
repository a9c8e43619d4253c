package org.sparkmoe.collective;

import java.time.Duration;
import org.bytedeco.pytorch.Tensor;

/**
 * Collective operations of one group of ranks.
 *
 * <p>Every rank of the group calls the same operations in the same order. Tensors are contiguous
 * and of one dtype on all ranks (f32, f64, bf16 or i64). Every operation returns at once; its
 * result may be read after {@link Handle#await()}. Algorithms (1DH, 2DH) are built above this
 * interface, transports (threads, Gloo, NCCL) below.
 *
 * <p>Failures are {@link CollectiveException}s, which name rank, group, operation and the elapsed
 * time.
 */
public interface Communicator extends AutoCloseable {

  /** How a reduction combines elements. */
  enum Reduction {
    SUM,
    MAX
  }

  /** An operation under way. */
  @FunctionalInterface
  interface Handle {
    /**
     * Blocks until the operation is complete on this rank.
     *
     * @throws CollectiveException after the communicator's timeout, on abort, or when a peer failed
     */
    void await();
  }

  /** This rank's place in the group, from 0. */
  int rank();

  /** Number of ranks in the group. */
  int size();

  /** How long an operation may take before it fails. */
  Duration timeout();

  /**
   * Even AlltoAll: block i of {@code input} goes to rank i.
   *
   * @param output {@code [size·n, ...]}, block i comes from rank i
   * @param input {@code [size·n, ...]}
   */
  Handle allToAll(Tensor output, Tensor input);

  /**
   * Uneven AlltoAll over rows.
   *
   * @param output {@code [sum(outputRows), ...]}
   * @param input {@code [sum(inputRows), ...]}
   * @param outputRows rows that come from each rank, zero allowed
   * @param inputRows rows that go to each rank, zero allowed
   */
  Handle allToAll(Tensor output, Tensor input, long[] outputRows, long[] inputRows);

  /**
   * AllGather along the first dimension.
   *
   * @param output {@code [size·n, ...]}
   * @param input {@code [n, ...]}
   */
  Handle allGather(Tensor output, Tensor input);

  /**
   * ReduceScatter (sum) along the first dimension.
   *
   * @param output {@code [n, ...]}
   * @param input {@code [size·n, ...]}
   */
  Handle reduceScatter(Tensor output, Tensor input);

  /** AllReduce in place; {@code tensor} of any shape. */
  Handle allReduce(Tensor tensor, Reduction reduction);

  /** Broadcast in place from rank {@code root} of the group. */
  Handle broadcast(Tensor tensor, int root);

  /** Completes when every rank of the group has called it. */
  Handle barrier();

  /** Makes every operation of every rank of this communicator, pending or future, fail. */
  void abort(String reason);

  @Override
  void close();
}
