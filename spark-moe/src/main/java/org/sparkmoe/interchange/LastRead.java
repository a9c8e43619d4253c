package org.sparkmoe.interchange;

import java.io.IOException;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.train.TensorSource;

/**
 * The tensor that was read last. The experts of a layer are slices of one tensor and are written
 * one after the other.
 */
final class LastRead implements AutoCloseable {
  private @Nullable TensorSource source;
  private @Nullable Tensor tensor;

  /** The tensor of {@code wanted}, until another one is asked for. */
  Tensor read(TensorSource wanted) throws IOException {
    Tensor last = tensor;
    if (last != null && wanted == source) {
      return last;
    }
    close();
    try (TensorScope scope = TensorScope.open()) {
      Tensor loaded = TensorScope.keep(new Tensor(wanted.load()));
      source = wanted;
      tensor = loaded;
      return loaded;
    }
  }

  @Override
  public void close() {
    if (tensor != null) {
      TensorScope.release(tensor);
    }
    tensor = null;
    source = null;
  }
}
