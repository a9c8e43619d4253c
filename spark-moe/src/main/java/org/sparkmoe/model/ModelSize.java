package org.sparkmoe.model;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Parameter.Replication;
import org.sparkmoe.tensor.TensorScope;

/**
 * How large a model is, over all ranks.
 *
 * @param parameters elements of all parameters
 * @param activeParameters those that one token passes: k of E experts
 * @param activeMatrixElements of those, the ones in matrix products: not norms, biases and
 *     embedding rows, but the output head also where it is the token embedding
 * @param moeLayers layers with experts
 * @param matrixElementsOfAnExpert of one expert of each MoE layer, together
 * @param attentionWidth layers × heads × head width
 */
public record ModelSize(
    long parameters,
    long activeParameters,
    long activeMatrixElements,
    int moeLayers,
    long matrixElementsOfAnExpert,
    long attentionWidth) {

  static ModelSize of(ModelConfig config, MoeConfig moe, List<Parameter> parameters) {
    long all = 0;
    long active = 0;
    long matrices = 0;
    long experts = 0;
    for (Parameter parameter : parameters) {
      long elements = Arrays.stream(parameter.fullShape()).reduce(1, Math::multiplyExact);
      all += elements;
      if (parameter.replication() == Replication.EXPERT_DATA) {
        long one = elements / moe.experts();
        experts += isProduct(config, parameter) ? one : 0;
        elements = one * moe.topK();
      }
      active += elements;
      matrices += isProduct(config, parameter) ? elements : 0;
    }
    long attention = (long) config.layers() * config.heads() * config.headWidth();
    return new ModelSize(all, active, matrices, config.moeLayerCount(), experts, attention);
  }

  /** The sum over the stages of a pipeline, one rank of each in {@code column}. */
  ModelSize sum(Communicator column, Device device) {
    if (column.size() == 1) {
      return this;
    }
    try (TensorScope scope = TensorScope.open()) {
      long[] sums = {parameters, activeParameters, activeMatrixElements, matrixElementsOfAnExpert};
      Tensor tensor =
          DeviceMemory.copied(Tensor.create(sums, sums.length), device, ScalarType.Long);
      column.allReduce(tensor, Communicator.Reduction.SUM).await();
      sums = HostReads.longs(tensor);
      return new ModelSize(sums[0], sums[1], sums[2], moeLayers, sums[3], attentionWidth);
    }
  }

  /** Matrix elements of one expert of one layer; 0 without MoE layers. */
  public long expertMatrixElements() {
    return moeLayers == 0 ? 0 : matrixElementsOfAnExpert / moeLayers;
  }

  private static boolean isProduct(ModelConfig config, Parameter parameter) {
    return switch (parameter.name()) {
      case Embedding.TOKEN -> config.tieEmbeddings();
      case Embedding.POSITION -> false;
      default -> parameter.decay();
    };
  }

  /**
   * Model FLOPs of a token: multiplications and additions of its forward and backward by the
   * model's definition, {@code 6 · N + 12 · L · layers · heads · head width}, where N are the
   * matrix elements that the token passes. A product with n elements is 2n operations forward and
   * 4n backward; scores and values of attention are 2 products of L · heads · head width in each
   * layer.
   *
   * <p>The convention is that of PaLM (Chowdhery et al. 2022, appendix B) and of Megatron-LM
   * (Narayanan et al. 2021, section 5.1): attention counts without its causal half, and what is
   * computed a second time or for places that stay empty does not count. A token passes k of E
   * experts, also where a capacity drops it.
   *
   * @param length L, tokens of a sequence
   */
  public double trainingFlopsPerToken(int length) {
    return 6.0 * activeMatrixElements + 12.0 * attentionWidth * length;
  }
}
