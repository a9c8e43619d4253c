package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorCheck;

/** What all implementations of {@link GroupedProducts} refuse. */
final class GroupedArguments {
  private GroupedArguments() {}

  static void rows(Tensor rowsRK, Tensor matricesGKN, RowGroups groups) {
    TensorCheck.shape("rows", rowsRK, groups.rows(), TensorCheck.ANY);
    TensorCheck.contiguous("rows", rowsRK);
    TensorCheck.shape("matrices", matricesGKN, groups.count(), rowsRK.size(1), TensorCheck.ANY);
    RoutingArguments.sameType("matrices", matricesGKN, "rows", rowsRK);
  }

  static void matrices(Tensor leftRK, Tensor rightRN, RowGroups groups) {
    TensorCheck.shape("left", leftRK, groups.rows(), TensorCheck.ANY);
    TensorCheck.contiguous("left", leftRK);
    TensorCheck.shape("right", rightRN, groups.rows(), TensorCheck.ANY);
    TensorCheck.contiguous("right", rightRN);
    RoutingArguments.sameType("right", rightRN, "left", leftRK);
  }
}
