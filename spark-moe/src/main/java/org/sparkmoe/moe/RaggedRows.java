package org.sparkmoe.moe;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.kernel.RowGroups;

/**
 * Only tokens travel: the buffer is {@code [1, R, M]}, the rows of one expert after those of the
 * other; unused ones at its end stay here. Chunk j of r of an expert with n rows is rows n·j/r to
 * n·(j+1)/r.
 *
 * <p>Ranks of an ESP group get unequal numbers of rows, but AllGather and ReduceScatter move equal
 * ones: each fills up to the largest of its group.
 */
final class RaggedRows implements ExchangeRows {
  private final ExchangeShape shape;
  private final RowCounts counts;
  private final List<ExpertBatch> batches;
  private final boolean grouped;

  /** {@code [El][L][sources]}: where a source's rows begin within those of expert and part. */
  private final long[][][] within;

  /**
   * @param each whether experts are batches of their own; otherwise they are one batch, of as many
   *     rows in each part as the expert with most has
   * @param grouped whether those of their own compute together where there is one part
   */
  RaggedRows(RowCounts counts, boolean each, boolean grouped) {
    this.shape = counts.shape();
    this.counts = counts;
    this.grouped = each && grouped && counts.parts() == 1;
    this.within = new long[shape.localExperts()][counts.parts()][shape.sources()];
    long[][] sizes = new long[shape.localExperts()][counts.parts()];
    for (int e = 0; e < sizes.length; e++) {
      for (int t = 0; t < counts.parts(); t++) {
        for (int s = 0; s < shape.sources(); s++) {
          within[e][t][s] = sizes[e][t];
          sizes[e][t] +=
              counts.cut(counts.arriving(s, e), t + 1) - counts.cut(counts.arriving(s, e), t);
        }
      }
    }
    this.batches = each ? RaggedBatches.each(sizes) : RaggedBatches.together(sizes);
  }

  @Override
  public List<ExpertBatch> batches() {
    if (!grouped) {
      return batches;
    }
    long all = sum(rowsOfExperts());
    return List.of(new ExpertBatch(1, 0, new long[] {0, all}));
  }

  @Override
  public Optional<RowGroups> groups(Device device) {
    return grouped ? Optional.of(RowGroups.of(rowsOfExperts(), device)) : Optional.empty();
  }

  /** Rows of each of this rank's experts, if they are batches of their own. */
  private long[] rowsOfExperts() {
    return batches.stream().mapToLong(ExpertBatch::rows).toArray();
  }

  @Override
  public boolean inPlace() {
    return batches.size() == shape.localExperts();
  }

  @Override
  public Tensor expertRows(Tensor source) {
    long all = batches.stream().mapToLong(batch -> batch.experts() * batch.rows()).sum();
    Tensor rows = ExchangeRows.rows(source.view(-1, source.size(2)), all);
    // Rows that fill up take part in products.
    return inPlace() ? rows : rows.zero_();
  }

  @Override
  public Tensor results(Tensor source) {
    Tensor results = torch.empty_like(source);
    long used = counts.total();
    results.narrow(1, used, source.size(1) - used).zero_();
    return results;
  }

  @Override
  public Tensor load(Tensor source, Chunk chunk) {
    Tensor rows = own(source);
    return chunk.of() == 1 ? rows : rows.index_select(0, ownIndex(chunk, source.device()));
  }

  @Override
  public void unload(Tensor back, Tensor results, Chunk chunk) {
    if (chunk.of() == 1) {
      own(results).copy_(back);
    } else {
      own(results).index_copy_(0, ownIndex(chunk, back.device()), back);
    }
  }

  private Tensor own(Tensor buffer) {
    return buffer.view(-1, buffer.size(2)).narrow(0, 0, counts.total());
  }

  private Tensor ownIndex(Chunk chunk, Device device) {
    RowIndex index = new RowIndex(sum(counts.toRanks(chunk)));
    long expert = 0;
    for (long rows : counts.sent()) {
      index.add(expert + counts.cut(rows, chunk.first(counts.parts())), counts.in(chunk, rows));
      expert += rows;
    }
    return index.on(device);
  }

  @Override
  public Tensor dispatch(Dispatch dispatch, Tensor sent, Chunk chunk) {
    return exchanged(dispatch, sent, counts.toRanks(chunk), here(chunk));
  }

  @Override
  public Tensor combine(Dispatch dispatch, Tensor reduced, Chunk chunk) {
    return exchanged(dispatch, reduced, here(chunk), counts.toRanks(chunk));
  }

  private Tensor exchanged(Dispatch dispatch, Tensor sent, long[] there, long[] here) {
    if (shape.nEp() == 1) {
      return sent;
    }
    Tensor arrived = ExchangeRows.rows(sent, sum(here));
    dispatch.exchange(arrived, sent, here, there);
    return arrived;
  }

  private long[] here(Chunk chunk) {
    return counts.fromRanks(chunk, shape.espIndex());
  }

  @Override
  public Tensor allGather(Communicator esp, Tensor arrived, Chunk chunk) {
    if (shape.nEsp() == 1) {
      return arrived;
    }
    long most = most(chunk);
    Tensor filled = ExchangeRows.rows(arrived, most);
    filled.narrow(0, 0, arrived.size(0)).copy_(arrived);
    filled.narrow(0, arrived.size(0), most - arrived.size(0)).zero_();
    Tensor gathered = ExchangeRows.rows(arrived, most * shape.nEsp());
    esp.allGather(gathered, filled).await();
    return gathered;
  }

  @Override
  public Tensor reduceScatter(Communicator esp, Tensor partial, Chunk chunk) {
    if (shape.nEsp() == 1) {
      return partial;
    }
    Tensor sum = ExchangeRows.rows(partial, most(chunk));
    esp.reduceScatter(sum, partial).await();
    return sum.narrow(0, 0, sum(here(chunk)));
  }

  /** Rows that each rank of the ESP group gives to the AllGather. */
  private long most(Chunk chunk) {
    long most = 0;
    for (int esp = 0; esp < shape.nEsp(); esp++) {
      most = Math.max(most, sum(counts.fromRanks(chunk, esp)));
    }
    return most;
  }

  @Override
  public void toExperts(Tensor gathered, Tensor expertRows, Chunk chunk) {
    long most = most(chunk);
    for (int esp = 0; esp < shape.nEsp(); esp++) {
      Tensor index = index(esp, chunk, this::inExpertRows, gathered.device());
      expertRows.index_copy_(0, index, gathered.narrow(0, esp * most, index.size(0)));
    }
  }

  @Override
  public Tensor fromExperts(Tensor results, Chunk chunk) {
    long most = most(chunk);
    Tensor partial = ExchangeRows.rows(results, most * shape.nEsp());
    for (int esp = 0; esp < shape.nEsp(); esp++) {
      Tensor index = index(esp, chunk, this::inChunk, results.device());
      long rows = index.size(0);
      torch.index_select_out(partial.narrow(0, esp * most, rows), results, 0, index);
      partial.narrow(0, esp * most + rows, most - rows).zero_();
    }
    return partial;
  }

  /** Where the rows of expert and part begin. */
  @FunctionalInterface
  private interface Place {
    long of(int expert, int part, Chunk chunk);
  }

  /** Where the rows lie that came from the EP group of place {@code esp}, in their order. */
  private Tensor index(int esp, Chunk chunk, Place place, Device device) {
    RowIndex index = new RowIndex(sum(counts.fromRanks(chunk, esp)));
    for (int ep = 0; ep < shape.nEp(); ep++) {
      int s = esp * shape.nEp() + ep;
      for (int e = 0; e < shape.localExperts(); e++) {
        long rows = counts.arriving(s, e);
        for (int t = chunk.first(counts.parts()); t < chunk.end(counts.parts()); t++) {
          index.add(
              place.of(e, t, chunk) + within[e][t][s],
              counts.cut(rows, t + 1) - counts.cut(rows, t));
        }
      }
    }
    return index.on(device);
  }

  private long inExpertRows(int expert, int part, Chunk chunk) {
    ExpertBatch batch = batch(expert);
    return batch.offset() + expert % batch.experts() * batch.rows() + batch.bounds()[part];
  }

  private long inChunk(int expert, int part, Chunk chunk) {
    ExpertBatch batch = batch(expert);
    long before = 0;
    for (int e = 0; e < expert; e++) {
      before += batch(e).rows(chunk);
    }
    return before + batch.bounds()[part] - batch.first(chunk);
  }

  private ExpertBatch batch(int expert) {
    return batches.get(expert * batches.size() / shape.localExperts());
  }

  private static long sum(long[] rows) {
    return Arrays.stream(rows).sum();
  }
}
