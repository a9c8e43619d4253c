package org.sparkmoe.tensor;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/**
 * A trainable tensor of one rank and its place in the whole model.
 *
 * <p>The rank holds the box of {@code fullShape} that starts at {@code offset} and has the shape of
 * {@code value}. A checkpoint is a set of such boxes, so that it can be read at another layout.
 *
 * @param name the name of the whole tensor, for example {@code layers.0.moe.experts.w1}
 * @param value {@code box} f32 or f64, a leaf that requires a gradient
 * @param replication over which ranks this box is repeated, which is where its gradient is summed
 * @param fullShape shape of the whole tensor, elements
 * @param offset where the box starts in each dimension, elements
 * @param decay whether weight decay applies
 * @param copy the value in the compute type, if products are taken with a copy that outlives them;
 *     otherwise null
 */
public record Parameter(
    String name,
    Tensor value,
    Replication replication,
    long[] fullShape,
    long[] offset,
    boolean decay,
    @Nullable ComputeCopy copy) {

  /** The ranks that hold the same box. */
  public enum Replication {
    /** Every rank of the pipeline stage, which is the world where there is one stage. */
    WORLD,
    /** The ranks of the data-parallel group: same shard of attention or dense feed-forward. */
    DATA,
    /** The ranks of the expert-data-parallel group: same experts, same shard. */
    EXPERT_DATA,
    /** Every rank of the first and of the last of several pipeline stages: tied embeddings. */
    PIPELINE_ENDS
  }

  public Parameter {
    long[] box = value.sizes().vec().get();
    if (fullShape.length != box.length || offset.length != box.length) {
      throw new IllegalArgumentException(
          "parameter %s: box %s, full shape %s and offset %s must have equally many dimensions"
              .formatted(
                  name, Arrays.toString(box), Arrays.toString(fullShape), Arrays.toString(offset)));
    }
    for (int d = 0; d < box.length; d++) {
      if (offset[d] < 0 || offset[d] + box[d] > fullShape[d]) {
        throw new IllegalArgumentException(
            "parameter %s: box %s at %s does not lie in %s"
                .formatted(
                    name,
                    Arrays.toString(box),
                    Arrays.toString(offset),
                    Arrays.toString(fullShape)));
      }
    }
  }

  /** The same parameter with a copy in {@code computeType}. */
  public Parameter withCopy(ScalarType computeType) {
    ComputeCopy copied = new ComputeCopy(value, computeType);
    return new Parameter(name, value, replication, fullShape, offset, decay, copied);
  }

  /**
   * Adds to the gradient, for backward passes written by hand.
   *
   * @param gradient shape and dtype of {@code value}
   */
  public void accumulate(Tensor gradient) {
    Tensor sum = value.grad();
    if (sum.defined()) {
      sum.add_(gradient);
    } else {
      value.mutable_grad().put(gradient.clone());
    }
  }

  /** Forgets the gradient, which is then undefined. */
  public void clearGradient() {
    value.mutable_grad().reset();
  }

  /** Frees the value, its gradient and its copy, which must not be used again. */
  public void release() {
    if (value.isNull()) {
      return;
    }
    clearGradient();
    if (copy != null) {
      copy.release();
    }
    TensorScope.release(value);
  }

  /** A parameter that every rank holds whole. */
  public static Parameter replicated(String name, Tensor value, boolean decay) {
    long[] shape = value.sizes().vec().get();
    return new Parameter(
        name, value, Replication.WORLD, shape, new long[shape.length], decay, null);
  }
}
