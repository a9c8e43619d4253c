package org.sparkmoe.tensor;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A master weight in the type in which products are taken.
 *
 * <p>It is made anew when somebody has changed the weight, which torch's version counter of the
 * tensor tells. An optimiser that writes the copy together with the weight, in one pass over
 * memory, gives it a {@linkplain #lieIn place} and tells when it has {@linkplain #written} it.
 *
 * <p>Not thread-safe: weights change between steps.
 */
public final class ComputeCopy {
  private final Tensor master;
  private final ScalarType type;
  private final Tensor copy = TensorScope.keep(new Tensor());
  private long version = -1;

  ComputeCopy(Tensor master, ScalarType type) {
    this.master = master;
    this.type = type;
  }

  /** The weight in the compute type, of its shape; the weight itself if it is of that type. */
  public Tensor value() {
    if (isMaster()) {
      return master;
    }
    if (version != master._version()) {
      Tensor current = master.detach();
      if (copy.defined()) {
        copy.copy_(current);
      } else {
        copy.put(current.to(type));
      }
      written();
    }
    return copy;
  }

  /** Whether no copy is needed. */
  public boolean isMaster() {
    return master.scalar_type().intern() == type;
  }

  /** The type of the copy. */
  public ScalarType type() {
    return type;
  }

  /**
   * From now on the copy is kept in {@code place}.
   *
   * @param place of the weight's shape and the copy's type, contiguous
   */
  public void lieIn(Tensor place) {
    copy.put(place);
    version = -1;
  }

  /** Frees the copy, which must not be used again. */
  void release() {
    TensorScope.release(copy);
  }

  /** Says that the copy holds the weight's present values. */
  public void written() {
    version = master._version();
  }
}
