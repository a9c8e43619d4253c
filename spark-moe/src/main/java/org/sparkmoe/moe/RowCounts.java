package org.sparkmoe.moe;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.HostReads;

/**
 * How many rows travel between whom, if only tokens do. Part t of L of n rows is rows n·t/L to
 * n·(t+1)/L.
 *
 * @param sent {@code [E]}: rows of this rank's tokens for each expert
 * @param arriving {@code [N_ESP, N_EP, El]}: rows for each of this rank's experts from each source,
 *     of which those at this rank's place in the ESP group come here by AlltoAll and the others by
 *     AllGather
 * @param parts L
 */
record RowCounts(ExchangeShape shape, long[] sent, long[] arriving, int parts) {

  /**
   * Tells the other ranks. Called by all ranks at the same time.
   *
   * @param countsE {@code [E]} i64 contiguous: rows of this rank's tokens for each expert
   */
  static RowCounts exchange(
      ExchangeShape shape, Tensor countsE, Dispatch dispatch, Communicator esp, int parts) {
    Tensor here = countsE;
    if (shape.nEp() > 1) {
      here = torch.empty_like(countsE);
      dispatch.exchange(here, countsE);
    }
    Tensor all = here;
    if (shape.nEsp() > 1) {
      all = ExchangeRows.rows(here, here.size(0) * shape.nEsp());
      esp.allGather(all, here).await();
    }
    // One read, because on a GPU it waits.
    long[] read = HostReads.longs(torch.cat(new TensorVector(countsE, all)));
    long[] sent = Arrays.copyOf(read, shape.experts());
    long[] arriving = Arrays.copyOfRange(read, sent.length, read.length);
    return new RowCounts(shape, sent, arriving, parts);
  }

  /** Rows of all of this rank's tokens. */
  long total() {
    long total = 0;
    for (long rows : sent) {
      total += rows;
    }
    return total;
  }

  /** Rows from source {@code s = esp · N_EP + ep} for this rank's expert {@code e}. */
  long arriving(int s, int e) {
    return arriving[s * shape.localExperts() + e];
  }

  /** Where part {@code t} of {@code rows} begins. */
  long cut(long rows, int t) {
    return rows * t / parts;
  }

  /** How many of {@code rows} are in the chunk. */
  long in(Chunk chunk, long rows) {
    return cut(rows, chunk.end(parts)) - cut(rows, chunk.first(parts));
  }

  /** Rows of the chunk that go to each rank of the EP group. */
  long[] toRanks(Chunk chunk) {
    long[] rows = new long[shape.nEp()];
    for (int e = 0; e < sent.length; e++) {
      rows[e / shape.localExperts()] += in(chunk, sent[e]);
    }
    return rows;
  }

  /** Rows of the chunk that come from each rank of the EP group of place {@code esp}. */
  long[] fromRanks(Chunk chunk, int esp) {
    long[] rows = new long[shape.nEp()];
    for (int ep = 0; ep < rows.length; ep++) {
      for (int e = 0; e < shape.localExperts(); e++) {
        rows[ep] += in(chunk, arriving(esp * shape.nEp() + ep, e));
      }
    }
    return rows;
  }
}
