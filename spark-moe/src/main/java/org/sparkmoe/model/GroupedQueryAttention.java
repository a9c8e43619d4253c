package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.Parameter;

/**
 * Mixtral's attention: g consecutive query heads share one key and value head; no biases.
 *
 * <p>Query heads are shared out over the model-parallel group. Key and value heads are too when
 * there are enough of them; when there are fewer than ranks, every rank holds their whole (small)
 * matrices, uses the rows of the one head that its queries need, and the gradient is summed over
 * the world.
 */
final class GroupedQueryAttention implements ShardedSublayer {
  private final long headWidth;
  private final RotaryEmbedding rotary;
  private final Parameter query;
  private final Parameter key;
  private final Parameter value;
  private final Parameter output;
  private final long firstKeyValueRow;
  private final long keyValueRows;

  GroupedQueryAttention(
      ModelConfig config, Weights weights, String name, RotaryEmbedding rotary, Communicator mp) {
    long m = config.hiddenSize();
    long width = (long) config.heads() * config.headWidth();
    long keyValueWidth = (long) config.keyValueHeads() * config.headWidth();
    double std = config.initStd();
    this.headWidth = config.headWidth();
    this.rotary = rotary;
    query = weights.shardedMatrix(name + ".query.weight", 0, std, width, m);
    if (config.keyValueHeads() % mp.size() == 0) {
      key = weights.shardedMatrix(name + ".key.weight", 0, std, keyValueWidth, m);
      value = weights.shardedMatrix(name + ".value.weight", 0, std, keyValueWidth, m);
      firstKeyValueRow = 0;
      keyValueRows = keyValueWidth / mp.size();
    } else {
      key = weights.matrix(name + ".key.weight", std, keyValueWidth, m);
      value = weights.matrix(name + ".value.weight", std, keyValueWidth, m);
      firstKeyValueRow = (long) mp.rank() * config.keyValueHeads() / mp.size() * headWidth;
      keyValueRows = headWidth;
    }
    output = weights.shardedMatrix(name + ".output.weight", 1, config.residualInitStd(), m, width);
  }

  @Override
  public Tensor partial(Tensor tokensTM, BatchShape shape) {
    Tensor q = heads(tokensTM.matmul(Weights.as(tokensTM, query).t()), shape);
    Tensor k = heads(tokensTM.matmul(keyValueMatrix(tokensTM, key)), shape);
    Tensor v = heads(tokensTM.matmul(keyValueMatrix(tokensTM, value)), shape);
    Tensor attended = CausalAttention.apply(rotary.apply(q), rotary.apply(k), v);
    return attended.matmul(Weights.as(tokensTM, output).t());
  }

  private Tensor keyValueMatrix(Tensor tokensTM, Parameter matrix) {
    return Weights.as(tokensTM, matrix).narrow(0, firstKeyValueRow, keyValueRows).t();
  }

  /** {@code [T, H·D]} to {@code [B, H, L, D]}. */
  private Tensor heads(Tensor projected, BatchShape shape) {
    return projected
        .view(shape.batch(), shape.length(), projected.size(1) / headWidth, headWidth)
        .transpose(1, 2);
  }

  @Override
  public Tensor addTo(Tensor residualSM, Tensor sumSM) {
    return residualSM.add(sumSM);
  }
}
