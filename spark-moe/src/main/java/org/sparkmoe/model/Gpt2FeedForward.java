package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.Parameter;

/** GELU(x·upᵀ + bias)·downᵀ + bias, with GPT-2's tanh approximation of GELU. */
final class Gpt2FeedForward implements ShardedSublayer {
  private final Parameter up;
  private final Parameter upBias;
  private final Parameter down;
  private final Parameter downBias;

  Gpt2FeedForward(ModelConfig config, Weights weights, String name) {
    long m = config.hiddenSize();
    long h = config.feedForwardSize();
    up = weights.shardedMatrix(name + ".up.weight", 0, config.initStd(), h, m);
    upBias = weights.shardedBias(name + ".up.bias", 0, h);
    down = weights.shardedMatrix(name + ".down.weight", 1, config.residualInitStd(), m, h);
    downBias = weights.vector(name + ".down.bias", 0, m);
  }

  @Override
  public Tensor partial(Tensor tokensTM, BatchShape shape) {
    Tensor bias = Weights.as(tokensTM, upBias);
    Tensor hidden = torch.linear(tokensTM, Weights.as(tokensTM, up), new TensorOptional(bias));
    return torch.gelu(hidden, "tanh").matmul(Weights.as(tokensTM, down).t());
  }

  @Override
  public Tensor addTo(Tensor residualSM, Tensor sumSM) {
    return residualSM.add(sumSM).add(Weights.as(sumSM, downBias));
  }
}
