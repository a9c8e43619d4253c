package org.sparkmoe.train;

import java.io.IOException;
import org.bytedeco.pytorch.Tensor;

/** A tensor to be written, which need not be in memory yet. */
public interface TensorSource {
  /** Of its elements. */
  StoredType type();

  /** Elements. */
  long[] shape();

  /**
   * The tensor, contiguous on the CPU; made in the caller's scope. Asked twice: sum, then bytes.
   */
  Tensor load() throws IOException;

  /** A tensor that is in memory. */
  static TensorSource of(Tensor tensor) {
    return new InMemory(tensor);
  }

  /** See {@link #of}. */
  record InMemory(Tensor tensor) implements TensorSource {
    @Override
    public StoredType type() {
      return StoredType.of(tensor);
    }

    @Override
    public long[] shape() {
      return tensor.sizes().vec().get();
    }

    @Override
    public Tensor load() {
      return tensor.detach().cpu().contiguous();
    }
  }
}
