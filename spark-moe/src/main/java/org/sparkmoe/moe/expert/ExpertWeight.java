package org.sparkmoe.moe.expert;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.TensorScope;

/**
 * A master weight, its copy in the compute type, and its gradient. The copy is made anew when the
 * optimiser has changed the weight, which torch's version counter of the tensor tells.
 */
final class ExpertWeight {
  private final Parameter parameter;
  private final ScalarType computeType;
  private final Tensor cast = TensorScope.keep(new Tensor());
  private long castVersion = -1;

  ExpertWeight(Parameter parameter, ScalarType computeType) {
    this.parameter = parameter;
    this.computeType = computeType;
  }

  Parameter parameter() {
    return parameter;
  }

  /** The weight in the compute type. */
  Tensor value() {
    Tensor master = parameter.value();
    if (master.scalar_type().intern() == computeType) {
      return master;
    }
    if (castVersion != master._version()) {
      cast.put(master.to(computeType));
      castVersion = master._version();
    }
    return cast;
  }

  /** The weight transposed in its last two dimensions. */
  Tensor transposed() {
    return value().transpose(1, 2);
  }

  /** Adds {@code leftᵀ · right}, batched over experts, to the gradient. */
  void accumulateProduct(Tensor left, Tensor right) {
    Tensor leftTransposed = left.transpose(1, 2);
    Tensor gradient = parameter.value().grad();
    boolean sameType = parameter.value().scalar_type().intern() == computeType;
    if (sameType && gradient.defined()) {
      gradient.baddbmm_(leftTransposed, right);
    } else if (sameType) {
      parameter.value().mutable_grad().put(torch.bmm(leftTransposed, right));
    } else {
      parameter.accumulate(torch.bmm(leftTransposed, right).to(ScalarType.Float));
    }
  }

  /** Adds the sum over rows of {@code [El, rows, n]} to the gradient {@code [El, n]}. */
  void accumulateRows(Tensor gradient) {
    parameter.accumulate(gradient.to(parameter.value().scalar_type()).sum(1));
  }
}
