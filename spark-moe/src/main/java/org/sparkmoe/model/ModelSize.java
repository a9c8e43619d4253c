package org.sparkmoe.model;

import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.moe.MoeConfig;
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
 * @param attentionWidth layers × heads × head width
 */
public record ModelSize(
    long parameters, long activeParameters, long activeMatrixElements, long attentionWidth) {

  static ModelSize of(ModelConfig config, MoeConfig moe, List<Parameter> parameters) {
    long all = 0;
    long active = 0;
    long matrices = 0;
    for (Parameter parameter : parameters) {
      long elements = Arrays.stream(parameter.fullShape()).reduce(1, Math::multiplyExact);
      all += elements;
      if (parameter.replication() == Replication.EXPERT_DATA) {
        elements = elements / moe.experts() * moe.topK();
      }
      active += elements;
      matrices += isProduct(config, parameter) ? elements : 0;
    }
    long attention = (long) config.layers() * config.heads() * config.headWidth();
    return new ModelSize(all, active, matrices, attention);
  }

  /** The sum over the stages of a pipeline, one rank of each in {@code column}. */
  ModelSize sum(Communicator column, Device device) {
    if (column.size() == 1) {
      return this;
    }
    try (TensorScope scope = TensorScope.open()) {
      long[] sums = {parameters, activeParameters, activeMatrixElements};
      Tensor tensor = Tensor.create(sums, sums.length).to(device, ScalarType.Long);
      column.allReduce(tensor, Communicator.Reduction.SUM).await();
      tensor.cpu().<LongBuffer>createBuffer().get(sums);
      return new ModelSize(sums[0], sums[1], sums[2], attentionWidth);
    }
  }

  private static boolean isProduct(ModelConfig config, Parameter parameter) {
    return switch (parameter.name()) {
      case Embedding.TOKEN -> config.tieEmbeddings();
      case Embedding.POSITION -> false;
      default -> parameter.decay();
    };
  }

  /**
   * Floating-point operations of a token's forward and backward, by the convention of PaLM's
   * appendix B: 6 for each matrix element and 12·L for each unit of attention width, attention
   * counted without its causal half.
   *
   * @param length L, tokens of a sequence
   */
  public double trainingFlopsPerToken(int length) {
    return 6.0 * activeMatrixElements + 12.0 * attentionWidth * length;
  }
}
