package org.sparkmoe.kernel;

import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.OperatorHandleOptional;
import org.bytedeco.pytorch.OperatorName;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * libtorch's grouped product. The bindings have no function for it, so that it is called by name
 * through libtorch's dispatcher.
 */
final class TorchGroupedProducts implements GroupedProducts {
  /** Bytes; widths of rows must be multiples of it. */
  static final int ALIGNMENT = 16;

  /** sm_90, the one for which libtorch is known to have its kernel. */
  private static final int ARCHITECTURE = 9;

  private static final String OPERATOR = "aten::_grouped_mm";

  /** Whether the current GPU takes products of that type in one kernel. */
  static boolean isOneKernel(ScalarType type) {
    return type == ScalarType.BFloat16
        && torch_cuda.getCurrentDeviceProperties().major() == ARCHITECTURE;
  }

  @Override
  public Tensor rows(Tensor rowsRK, Tensor matricesGKN, RowGroups groups) {
    GroupedArguments.rows(rowsRK, matricesGKN, groups);
    long[] shape = {groups.rows(), matricesGKN.size(2)};
    return groups.rows() == 0
        ? torch.empty(shape, rowsRK.options(), null)
        : DeviceRoutingKernels.withoutAutograd(() -> call(rowsRK, matricesGKN, groups.endsG()));
  }

  @Override
  public Tensor matrices(Tensor leftRK, Tensor rightRN, RowGroups groups) {
    GroupedArguments.matrices(leftRK, rightRN, groups);
    long[] shape = {groups.count(), leftRK.size(1), rightRN.size(1)};
    return groups.rows() == 0
        ? torch.zeros(shape, leftRK.options())
        : DeviceRoutingKernels.withoutAutograd(() -> call(leftRK.t(), rightRN, groups.endsG()));
  }

  private static Tensor call(Tensor left, Tensor right, Tensor ends) {
    OperatorHandleOptional found =
        Dispatcher.singleton().findSchema(new OperatorName(OPERATOR, ""));
    if (!found.has_value()) {
      throw new IllegalStateException("this libtorch has no operator " + OPERATOR);
    }
    OperatorHandle operator = found.get();
    IValueVector stack = new IValueVector();
    for (Tensor argument : new Tensor[] {left, right, ends}) {
      stack.push_back(new IValue(argument));
    }
    IValue none = new IValue();
    // No bias, and the result in the type of the arguments.
    stack.push_back(none);
    stack.push_back(none);
    operator.callBoxed(stack);
    return stack.get(0).toTensor();
  }
}
