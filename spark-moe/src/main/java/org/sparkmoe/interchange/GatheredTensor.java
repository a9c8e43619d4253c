package org.sparkmoe.interchange;

import java.io.IOException;
import java.util.Objects;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.train.StoredType;
import org.sparkmoe.train.TensorSource;

/**
 * A tensor of Spark MoE put together from Hugging Face's. F16, which Spark MoE does not compute in,
 * becomes F32, which holds all its values.
 */
record GatheredTensor(Correspondence tensor, HuggingFaceWeights weights) implements TensorSource {

  @Override
  public StoredType type() {
    StoredType stored =
        Objects.requireNonNull(weights.entry(tensor.theirs().get(0)), tensor.ours()).type();
    return stored == StoredType.F16 ? StoredType.F32 : stored;
  }

  @Override
  public long[] shape() {
    return tensor.shape();
  }

  @Override
  public Tensor load() throws IOException {
    TensorOptions options = new TensorOptions().dtype(new ScalarTypeOptional(type().scalarType()));
    Tensor whole = torch.empty(tensor.shape(), options, null);
    for (int i = 0; i < tensor.theirs().size(); i++) {
      try (TensorScope scope = TensorScope.open()) {
        tensor.put(whole, i, weights.read(tensor.theirs().get(i)));
      }
    }
    return whole;
  }
}
