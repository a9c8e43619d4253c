package org.sparkmoe.moe;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;

/**
 * Every expert has C places for each rank's tokens, and all of them travel: the buffer is {@code
 * [E, C, M]}. A part is C/L places.
 *
 * @param capacity C, a multiple of L
 * @param batch all experts of this rank
 */
record EvenRows(ExchangeShape shape, long capacity, ExpertBatch batch) implements ExchangeRows {

  static EvenRows of(ExchangeShape shape, long capacity, int parts) {
    long[] bounds = new long[parts + 1];
    Arrays.setAll(bounds, part -> capacity * shape.sources() * part / parts);
    return new EvenRows(shape, capacity, new ExpertBatch(shape.localExperts(), 0, bounds));
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
