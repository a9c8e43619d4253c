package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.TensorCheck;

/** What all implementations of {@link GateKernels} refuse. */
final class GateArguments {
  private static final int MAX_CHOICES = 16;

  private GateArguments() {}

  static void choose(Tensor logits, @Nullable Tensor bias, GateKernels.Rule rule) {
    matrix("logits", logits);
    long experts = logits.size(1);
    if (bias != null) {
      TensorCheck.dtype("bias", bias, ScalarType.Float);
      TensorCheck.shape("bias", bias, experts);
      TensorCheck.contiguous("bias", bias);
    }
    choices(rule.choices(), experts);
  }

  static void largest(Tensor scores, int choices) {
    TensorCheck.dtype("scores", scores, ScalarType.Float, ScalarType.Double, ScalarType.BFloat16);
    TensorCheck.shape("scores", scores, TensorCheck.ANY, TensorCheck.ANY);
    choices(choices, scores.size(1));
  }

  static void groups(Tensor scores, long groupTokens) {
    TensorCheck.dtype("scores", scores, ScalarType.Float, ScalarType.Double, ScalarType.BFloat16);
    TensorCheck.shape("scores", scores, TensorCheck.ANY, TensorCheck.ANY);
    if (groupTokens < 1 || scores.size(0) % groupTokens != 0) {
      throw new IllegalArgumentException(
          "groupTokens %d must be positive and divide %d tokens"
              .formatted(groupTokens, scores.size(0)));
    }
    if (scores.size(1) < 1) {
      throw new IllegalArgumentException(
          "scores has no experts, shape [%d, 0]".formatted(scores.size(0)));
    }
  }

  static void limit(long limit, long groupTokens) {
    if (limit < 1 || limit > groupTokens) {
      throw new IllegalArgumentException(
          "limit %d must be from 1 to the %d tokens of a group".formatted(limit, groupTokens));
    }
  }

  private static void choices(int choices, long experts) {
    long most = Math.min(experts, MAX_CHOICES);
    if (choices < 1 || choices > most) {
      throw new IllegalArgumentException(
          "choices %d must be between 1 and %d, the smaller of %d experts and %d"
              .formatted(choices, most, experts, MAX_CHOICES));
    }
  }

  static void gradient(Tensor scores, Tensor gradient) {
    matrix("scores", scores);
    matrix("gradient", gradient);
    TensorCheck.shape("gradient", gradient, scores.size(0), scores.size(1));
  }

  private static void matrix(String name, Tensor tensor) {
    TensorCheck.dtype(name, tensor, ScalarType.Float);
    TensorCheck.shape(name, tensor, TensorCheck.ANY, TensorCheck.ANY);
    TensorCheck.contiguous(name, tensor);
  }
}
