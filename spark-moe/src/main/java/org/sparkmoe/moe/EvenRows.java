package org.sparkmoe.moe;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.kernel.RowGroups;

/**
 * Every expert has C places for each rank's tokens, and all of them travel: the buffer is {@code
 * [E, C, M]}. A part is C/L places.
 *
 * <p>Where a rank is alone and no token is dropped, the buffer {@code [1, R, M]} is that of one
 * expert with R places, whichever expert each row belongs to.
 *
 * @param capacity C, a multiple of L
 * @param batch all experts of this rank
 * @param countsE {@code [E]} i64 on the device of the rows: rows of each expert, one after the
 *     other; null where each has C places
 */
record EvenRows(ExchangeShape shape, long capacity, ExpertBatch batch, @Nullable Tensor countsE)
    implements ExchangeRows {

  static EvenRows of(ExchangeShape shape, long capacity, int parts) {
    long[] bounds = new long[parts + 1];
    Arrays.setAll(bounds, part -> capacity * shape.sources() * part / parts);
    ExpertBatch batch = new ExpertBatch(shape.localExperts(), 0, bounds);
    return new EvenRows(shape, capacity, batch, null);
  }

  /** Rows that stay here, in one part. */
  static EvenRows ofOneRank(PackedRouting byRow) {
    EvenRows one = of(new ExchangeShape(1, 1, 0, 1), byRow.capacity(), 1);
    return new EvenRows(one.shape, one.capacity, one.batch, byRow.countsE());
  }

  @Override
  public Optional<RowGroups> groups(Device device) {
    return Optional.ofNullable(countsE).map(counts -> RowGroups.within(counts, capacity));
  }

  @Override
  public List<ExpertBatch> batches() {
    return List.of(batch);
  }

  @Override
  public boolean inPlace() {
    return true;
  }

  @Override
  public Tensor expertRows(Tensor source) {
    return ExchangeRows.rows(source.view(-1, source.size(2)), batch.experts() * batch.rows());
  }

  @Override
  public Tensor load(Tensor source, Chunk chunk) {
    return places(source, chunk).reshape(-1, source.size(2)).contiguous();
  }

  @Override
  public Tensor dispatch(Dispatch dispatch, Tensor sent, Chunk chunk) {
    if (shape.nEp() == 1) {
      return sent;
    }
    Tensor arrived = ExchangeRows.rows(sent, sent.size(0));
    dispatch.exchange(arrived, sent);
    return arrived;
  }

  @Override
  public Tensor allGather(Communicator esp, Tensor arrived, Chunk chunk) {
    if (shape.nEsp() == 1) {
      return arrived;
    }
    Tensor gathered = ExchangeRows.rows(arrived, arrived.size(0) * shape.nEsp());
    esp.allGather(gathered, arrived).await();
    return gathered;
  }

  @Override
  public void toExperts(Tensor gathered, Tensor expertRows, Chunk chunk) {
    long[] bySource = {shape.sources(), shape.localExperts(), places(chunk), gathered.size(1)};
    batch
        .of(expertRows)
        .narrow(1, batch.first(chunk), batch.rows(chunk))
        .view(shape.localExperts(), places(chunk), shape.sources(), gathered.size(1))
        .copy_(gathered.view(bySource).permute(1, 2, 0, 3));
  }

  @Override
  public Tensor fromExperts(Tensor results, Chunk chunk) {
    return results
        .view(shape.localExperts(), places(chunk), shape.sources(), results.size(1))
        .permute(2, 0, 1, 3)
        .contiguous()
        .view(-1, results.size(1));
  }

  @Override
  public Tensor reduceScatter(Communicator esp, Tensor partial, Chunk chunk) {
    if (shape.nEsp() == 1) {
      return partial;
    }
    Tensor sum = ExchangeRows.rows(partial, partial.size(0) / shape.nEsp());
    esp.reduceScatter(sum, partial).await();
    return sum;
  }

  @Override
  public Tensor combine(Dispatch dispatch, Tensor reduced, Chunk chunk) {
    return dispatch(dispatch, reduced, chunk);
  }

  @Override
  public void unload(Tensor back, Tensor results, Chunk chunk) {
    Tensor target = places(results, chunk);
    target.copy_(back.view(target.sizes().vec().get()));
  }

  private Tensor places(Tensor bufferECM, Chunk chunk) {
    return bufferECM.narrow(1, chunk.index() * places(chunk), places(chunk));
  }

  private long places(Chunk chunk) {
    return capacity / chunk.of();
  }
}
