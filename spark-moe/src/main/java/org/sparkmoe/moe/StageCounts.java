package org.sparkmoe.moe;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.HostReads;

/**
 * Tells ranks how many rows will come, over a group that no tokens travel through, since tokens of
 * other chunks may be inside their node.
 *
 * @param stage all ranks that have the layer
 * @param edpIndex this rank's copy of the experts
 * @param epIndex this rank's place in its EP group
 */
record StageCounts(Communicator stage, int edpIndex, int epIndex) {

  /**
   * Called by all ranks at the same time.
   *
   * @param countsE {@code [E]} i64 contiguous: rows of this rank's tokens for each expert
   * @return in one part
   */
  RowCounts exchange(ExchangeShape shape, Tensor countsE) {
    int experts = shape.experts();
    Tensor all = countsE;
    if (stage.size() > 1) {
      all = ExchangeRows.rows(countsE, (long) experts * stage.size());
      stage.allGather(all, countsE).await();
    }
    // One read, because on a GPU it waits.
    long[] read = HostReads.longs(torch.cat(new TensorVector(countsE, all)));
    long[] sent = Arrays.copyOf(read, experts);
    long[] ofRank = Arrays.copyOfRange(read, experts, read.length);
    return new RowCounts(shape, sent, arriving(shape, ofRank), 1);
  }

  private long[] arriving(ExchangeShape shape, long[] ofRank) {
    int local = shape.localExperts();
    long[] arriving = new long[shape.sources() * local];
    for (int esp = 0; esp < shape.nEsp(); esp++) {
      for (int ep = 0; ep < shape.nEp(); ep++) {
        int rank = (edpIndex * shape.nEp() + ep) * shape.nEsp() + esp;
        int from = rank * shape.experts() + epIndex * local;
        System.arraycopy(ofRank, from, arriving, (esp * shape.nEp() + ep) * local, local);
      }
    }
    return arriving;
  }
}
