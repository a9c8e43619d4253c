package org.sparkmoe.moe;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.kernel.RowGroups;

/**
 * Which rows a chunk takes where, on its way from the buffer of this rank's tokens to the experts
 * and back. In backward gradients go the same way: AlltoAll is its own adjoint, AllGather and
 * ReduceScatter are each other's.
 *
 * <p>At the experts rows are ordered by part, then source, so that a chunk is a slice of rows
 * whatever the number of chunks.
 */
sealed interface ExchangeRows permits EvenRows, RaggedRows {

  /** The experts' rows, batch after batch. */
  List<ExpertBatch> batches();

  /**
   * Which rows of the only batch each expert has, where experts with unequal numbers of rows
   * compute together; empty where those of a batch have equally many.
   */
  Optional<RowGroups> groups(Device device);

  /** Whether the experts' rows are this rank's buffer as it is, if only its own tokens come. */
  boolean inPlace();

  /** Room for the experts' rows {@code [n, M]}. */
  Tensor expertRows(Tensor source);

  /** Room for what {@link #unload} fills, of the shape of {@code source}. */
  default Tensor results(Tensor source) {
    return torch.empty_like(source);
  }

  /** The chunk's rows {@code [n, M]} contiguous, by destination. */
  Tensor load(Tensor source, Chunk chunk);

  /** What arrives here of what all ranks {@link #load} and send. */
  Tensor dispatch(Dispatch dispatch, Tensor sent, Chunk chunk);

  /** What arrives at all ranks of the ESP group, each given equally many rows. */
  Tensor allGather(Communicator esp, Tensor arrived, Chunk chunk);

  /** Puts the chunk into {@code expertRows}. */
  void toExperts(Tensor gathered, Tensor expertRows, Chunk chunk);

  /**
   * The chunk's results in the order of {@link #allGather}.
   *
   * @param results {@code [n, M]} of the chunk, batch after batch
   */
  Tensor fromExperts(Tensor results, Chunk chunk);

  /** The sum over the ESP group for the rows that had arrived here. */
  Tensor reduceScatter(Communicator esp, Tensor partial, Chunk chunk);

  /** Results of this rank's own tokens, in the order of {@link #load}. */
  Tensor combine(Dispatch dispatch, Tensor reduced, Chunk chunk);

  /** Puts the chunk into {@code results}. */
  void unload(Tensor back, Tensor results, Chunk chunk);

  /** Uninitialised, like {@code like} but for the number of rows. */
  static Tensor rows(Tensor like, long rows) {
    long[] size = like.sizes().vec().get();
    size[0] = rows;
    return torch.empty(size, like.options(), null);
  }
}
