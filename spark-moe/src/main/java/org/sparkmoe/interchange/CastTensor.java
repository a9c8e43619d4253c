package org.sparkmoe.interchange;

import java.io.IOException;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.train.StoredType;
import org.sparkmoe.train.TensorSource;

/** A tensor in another type. */
record CastTensor(TensorSource source, StoredType type) implements TensorSource {

  @Override
  public long[] shape() {
    return source.shape();
  }

  @Override
  public Tensor load() throws IOException {
    return source.load().to(type.scalarType());
  }
}
