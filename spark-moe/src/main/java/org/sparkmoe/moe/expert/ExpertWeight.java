package org.sparkmoe.moe.expert;

import java.util.Objects;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.ComputeCopy;
import org.sparkmoe.tensor.Parameter;

/** A master weight of some of a rank's experts in the compute type, and its gradient. */
final class ExpertWeight {
  private final Parameter parameter;
  private final ComputeCopy copy;
  private final long first;
  private final long count;

  private ExpertWeight(Parameter parameter, ComputeCopy copy, long first, long count) {
    this.parameter = parameter;
    this.copy = copy;
    this.first = first;
    this.count = count;
  }

  /** That of all experts of the rank. */
  ExpertWeight(Parameter parameter, ScalarType computeType) {
    this(parameter.withCopy(computeType));
  }

  private ExpertWeight(Parameter parameter) {
    this(parameter, Objects.requireNonNull(parameter.copy()), 0, parameter.value().size(0));
  }

  /** That of one expert alone. */
  ExpertWeight only(int expert) {
    return new ExpertWeight(parameter, copy, first + expert, 1);
  }

  /** Indices of the experts, as {@link #only} takes them. */
  IntStream experts() {
    return IntStream.range(0, Math.toIntExact(count));
  }

  /** The whole parameter, also if this is one expert's. */
  Parameter parameter() {
    return parameter;
  }

  /** The weight in the compute type. */
  Tensor value() {
    return copy.value().narrow(0, first, count);
  }

  /** The weight transposed in its last two dimensions. */
  Tensor transposed() {
    return value().transpose(1, 2);
  }

  /** Adds {@code leftᵀ · right}, batched over experts, to the gradient. */
  void accumulateProduct(Tensor left, Tensor right) {
    Tensor leftTransposed = left.transpose(1, 2);
    if (left.scalar_type().intern() == parameter.value().scalar_type().intern()) {
      gradient().baddbmm_(leftTransposed, right);
    } else {
      gradient().add_(torch.bmm(leftTransposed, right));
    }
  }

  /** Adds the sum over rows of {@code [El, rows, n]} to the gradient {@code [El, n]}. */
  void accumulateRows(Tensor rows) {
    gradient().add_(rows.to(parameter.value().scalar_type()).sum(1));
  }

  /** Adds {@code [El, in, out]} of the compute type to the gradient. */
  void accumulate(Tensor sum) {
    gradient().add_(sum);
  }

  /** Adds each of the rows {@code [R, n]} to the gradient of its expert, {@code [R]} i64. */
  void accumulateRows(Tensor rows, Tensor expertR) {
    gradient().index_add_(0, expertR, rows.to(parameter.value().scalar_type()));
  }

  private Tensor gradient() {
    if (!parameter.value().grad().defined()) {
      parameter.value().mutable_grad().put(torch.zeros_like(parameter.value()));
    }
    return parameter.value().grad().narrow(0, first, count);
  }
}
