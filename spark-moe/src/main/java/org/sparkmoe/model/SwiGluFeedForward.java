package org.sparkmoe.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.Parameter;

/** (SiLU(x·gateᵀ) ⊙ x·upᵀ)·downᵀ (Shazeer 2020), as in Llama and Mistral. */
final class SwiGluFeedForward implements ShardedSublayer {
  private final Parameter gate;
  private final Parameter up;
  private final Parameter down;

  SwiGluFeedForward(ModelConfig config, Weights weights, String name) {
    long m = config.hiddenSize();
    long h = config.feedForwardSize();
    gate = weights.shardedMatrix(name + ".gate.weight", 0, config.initStd(), h, m);
    up = weights.shardedMatrix(name + ".up.weight", 0, config.initStd(), h, m);
    down = weights.shardedMatrix(name + ".down.weight", 1, config.residualInitStd(), m, h);
  }

  @Override
  public Tensor partial(Tensor tokensTM, BatchShape shape) {
    Tensor gated = torch.silu(tokensTM.matmul(Weights.as(tokensTM, gate).t()));
    Tensor hidden = gated.mul(tokensTM.matmul(Weights.as(tokensTM, up).t()));
    return hidden.matmul(Weights.as(tokensTM, down).t());
  }

  @Override
  public Tensor addTo(Tensor residualSM, Tensor sumSM) {
    return residualSM.add(sumSM);
  }
}
