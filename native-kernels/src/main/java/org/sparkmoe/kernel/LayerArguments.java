package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.TensorCheck;

/** What all implementations of {@link LayerKernels} refuse. */
final class LayerArguments {
  private LayerArguments() {}

  static void swiGlu(Tensor gate, Tensor up, String thirdName, Tensor third) {
    rows("gate", gate, gate);
    rows("up", up, gate);
    rows(thirdName, third, gate);
  }

  private static void rows(String name, Tensor tensor, Tensor like) {
    TensorCheck.dtype(name, tensor, ScalarType.Float, ScalarType.Double, ScalarType.BFloat16);
    RoutingArguments.sameType(name, tensor, "gate", like);
    TensorCheck.shape(name, tensor, TensorCheck.ANY, TensorCheck.ANY, TensorCheck.ANY);
    TensorCheck.shape(name, tensor, like.size(0), like.size(1), like.size(2));
    if (tensor.numel() > 0 && !tensor.select(0, 0).is_contiguous()) {
      throw new IllegalArgumentException(
          "the rows of an expert in %s must be contiguous".formatted(name));
    }
  }

  static void clearAfter(Tensor endsG, Tensor rows) {
    TensorCheck.dtype("ends", endsG, ScalarType.Int);
    TensorCheck.shape("ends", endsG, TensorCheck.ANY);
    TensorCheck.contiguous("ends", endsG);
    TensorCheck.shape("rows", rows, TensorCheck.ANY, TensorCheck.ANY);
    TensorCheck.contiguous("rows", rows);
    if (endsG.size(0) == 0) {
      throw new IllegalArgumentException("ends has no group, must have at least one");
    }
  }

  static void transposeBlocks(Tensor rows, int outer, int inner) {
    TensorCheck.contiguous("rows", rows);
    if (outer < 1 || inner < 1 || rows.dim() == 0 || rows.size(0) % ((long) outer * inner) != 0) {
      throw new IllegalArgumentException(
          "rows has %d rows, which %d by %d blocks do not divide"
              .formatted(rows.dim() == 0 ? 0 : rows.size(0), outer, inner));
    }
  }
}
