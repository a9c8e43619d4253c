package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.SegmentTape;

/**
 * Shares out the T tokens of a batch over the model-parallel group, as Megatron's sequence
 * parallelism does: rank m holds the rows from m·S to (m+1)·S, S = T/N_MP. The adjoint of AllGather
 * is ReduceScatter and the other way round. A group of one rank moves and records nothing.
 *
 * @param mp the model-parallel group
 */
record SequenceParallel(Communicator mp) {

  /**
   * This rank's rows.
   *
   * @param rows {@code [T, ...]}
   * @return {@code [S, ...]}, a view
   * @throws IllegalArgumentException if N_MP does not divide T
   */
  Tensor share(Tensor rows) {
    long tokens = rows.size(0);
    if (tokens % mp.size() != 0) {
      throw new IllegalArgumentException(
          "a batch of %d tokens cannot be shared out over cluster.mp = %d ranks: micro-batch ×"
                  .formatted(tokens, mp.size())
              + " sequence length must be a multiple of it");
    }
    long share = tokens / mp.size();
    return rows.narrow(0, share * mp.rank(), share);
  }

  /** {@code [S, M]} of each rank to {@code [T, M]} on all. */
  Tensor allGather(SegmentTape tape, Tensor shareSM) {
    if (mp.size() == 1) {
      return shareSM;
    }
    Tensor[] all = {gathered(shareSM)};
    return tape.record(
            new Tensor[] {shareSM}, all, gradients -> new Tensor[] {scattered(gradients[0])})[0];
  }

  /** Sum over ranks of {@code [T, M]}, of which each rank keeps its rows {@code [S, M]}. */
  Tensor reduceScatter(SegmentTape tape, Tensor partialTM) {
    if (mp.size() == 1) {
      return partialTM;
    }
    Tensor[] share = {scattered(partialTM)};
    return tape.record(
            new Tensor[] {partialTM}, share, gradients -> new Tensor[] {gathered(gradients[0])})[0];
  }

  /** AllGather without a record: {@code [S, M]} of each rank to {@code [T, M]} on all. */
  Tensor gathered(Tensor share) {
    Tensor all = share.new_empty(share.size(0) * mp.size(), share.size(1));
    mp.allGather(all, share.contiguous()).await();
    return all;
  }

  /** ReduceScatter without a record: {@code [T, M]} of each rank to {@code [S, M]}, its sum. */
  Tensor scattered(Tensor all) {
    Tensor share = all.new_empty(all.size(0) / mp.size(), all.size(1));
    mp.reduceScatter(share, all.contiguous()).await();
    return share;
  }
}
