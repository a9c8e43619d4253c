package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A product for each group that has rows. */
final class OneByOneProducts implements GroupedProducts {

  @Override
  public Tensor rows(Tensor rowsRK, Tensor matricesGKN, RowGroups groups) {
    GroupedArguments.rows(rowsRK, matricesGKN, groups);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          long[] shape = {groups.rows(), matricesGKN.size(2)};
          Tensor output = torch.empty(shape, rowsRK.options(), null);
          long first = 0;
          for (int g = 0; g < groups.count(); g++) {
            long rows = groups.sizes()[g];
            if (rows > 0) {
              torch.mm_out(
                  output.narrow(0, first, rows),
                  rowsRK.narrow(0, first, rows),
                  matricesGKN.select(0, g));
            }
            first += rows;
          }
          return output;
        });
  }

  @Override
  public Tensor matrices(Tensor leftRK, Tensor rightRN, RowGroups groups) {
    GroupedArguments.matrices(leftRK, rightRN, groups);
    return DeviceRoutingKernels.withoutAutograd(
        () -> {
          long[] shape = {groups.count(), leftRK.size(1), rightRN.size(1)};
          Tensor output = torch.zeros(shape, leftRK.options());
          long first = 0;
          for (int g = 0; g < groups.count(); g++) {
            long rows = groups.sizes()[g];
            if (rows > 0) {
              torch.mm_out(
                  output.select(0, g),
                  leftRK.narrow(0, first, rows).t(),
                  rightRN.narrow(0, first, rows));
            }
            first += rows;
          }
          return output;
        });
  }
}
