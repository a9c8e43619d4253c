package org.sparkmoe.model;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;

/**
 * What a block computes before its experts, of any size and without the communication between: the
 * norm, this rank's attention and the sum with the residual stream, as {@link Sublayer} runs them.
 * Everything is zero, so backward adds nothing to gradients.
 */
public final class AttentionTrial {
  private final Norm norm;
  private final ShardedSublayer attention;
  private final int shares;
  private final Like like;

  /** Width, type and place of activations. */
  public record Like(long width, ScalarType type, Device device) {
    /** {@code [rows, M]}. */
    public Tensor zeros(long rows) {
      return DeviceMemory.zeros(device, type, rows, width);
    }
  }

  /**
   * @param shares N_MP, over which the tokens of norm and sum are shared out
   */
  AttentionTrial(Norm norm, ShardedSublayer attention, int shares, Like like) {
    this.norm = norm;
    this.attention = attention;
    this.shares = shares;
    this.like = like;
  }

  /**
   * Allocates inputs in the caller's scope and returns what computes with them.
   *
   * @param batch sequences, at least 1
   * @param length tokens of each
   * @param backward whether to run backward as well
   */
  public Runnable of(long batch, long length, boolean backward) {
    BatchShape shape = new BatchShape(batch, length);
    Tensor tokensTM = like.zeros(shape.tokens());
    Tensor residualSM = like.zeros(Math.max(1, shape.tokens() / shares));
    return () -> {
      try (TensorScope scope = TensorScope.open()) {
        SegmentTape tape = new SegmentTape();
        Tensor normedSM = tape.compute(residualSM, norm::apply);
        Tensor partialTM =
            tape.compute(tokensTM, x -> TensorScope.compute(() -> attention.partial(x, shape)));
        Tensor sumSM = partialTM.narrow(0, 0, residualSM.size(0));
        Tensor outputSM =
            tape.compute(
                    new Tensor[] {residualSM, sumSM},
                    in -> new Tensor[] {attention.addTo(in[0], in[1])})[0];
        if (backward) {
          tape.backward(
              new Tensor[] {normedSM, partialTM, outputSM},
              new Tensor[] {
                torch.zeros_like(normedSM), torch.zeros_like(partialTM), torch.zeros_like(outputSM)
              });
        }
      }
    };
  }
}
