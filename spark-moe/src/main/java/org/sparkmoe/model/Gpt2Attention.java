package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.Parameter;

/** Multi-head attention with one matrix for queries, keys and values, and biases. */
final class Gpt2Attention implements ShardedSublayer {
  private final long headWidth;
  private final Parameter qkv;
  private final Parameter qkvBias;
  private final Parameter output;
  private final Parameter outputBias;

  Gpt2Attention(ModelConfig config, Weights weights, String name) {
    long m = config.hiddenSize();
    long width = (long) config.heads() * config.headWidth();
    headWidth = config.headWidth();
    // The three matrices are stacked and not joined, so that a rank's heads are one box.
    qkv = weights.shardedMatrix(name + ".qkv.weight", 1, config.initStd(), 3, width, m);
    qkvBias = weights.shardedBias(name + ".qkv.bias", 1, 3, width);
    output = weights.shardedMatrix(name + ".output.weight", 1, config.residualInitStd(), m, width);
    outputBias = weights.vector(name + ".output.bias", 0, m);
  }

  @Override
  public Tensor partial(Tensor tokensTM, BatchShape shape) {
    Tensor weight = Weights.as(tokensTM, qkv).flatten(0, 1);
    Tensor bias = Weights.as(tokensTM, qkvBias).flatten();
    Tensor all =
        torch
            .linear(tokensTM, weight, new TensorOptional(bias))
            .view(shape.batch(), shape.length(), 3, qkv.value().size(1) / headWidth, headWidth)
            .permute(2, 0, 3, 1, 4);
    Tensor attended = CausalAttention.apply(all.select(0, 0), all.select(0, 1), all.select(0, 2));
    return attended.matmul(Weights.as(tokensTM, output).t());
  }

  @Override
  public Tensor addTo(Tensor residualSM, Tensor sumSM) {
    return residualSM.add(sumSM).add(Weights.as(sumSM, outputBias));
  }
}
