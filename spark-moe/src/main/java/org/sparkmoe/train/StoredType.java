package org.sparkmoe.train;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The element types that our safetensors files hold; the names are the format's. */
public enum StoredType {
  F32(ScalarType.Float, 4),
  F64(ScalarType.Double, 8),
  BF16(ScalarType.BFloat16, 2),
  F16(ScalarType.Half, 2),
  I64(ScalarType.Long, 8);

  private final ScalarType scalarType;
  private final int bytes;

  StoredType(ScalarType scalarType, int bytes) {
    this.scalarType = scalarType;
    this.bytes = bytes;
  }

  /** The same in libtorch. */
  public ScalarType scalarType() {
    return scalarType;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /**
   * The type of {@code tensor}'s elements.
   *
   * @throws IllegalArgumentException if it is not one of these
   */
  static StoredType of(Tensor tensor) {
    for (StoredType type : values()) {
      if (tensor.scalar_type().intern() == type.scalarType) {
        return type;
      }
    }
    throw new IllegalArgumentException(
        "tensor has elements of type %s, must be one of %s"
            .formatted(tensor.scalar_type().intern(), Arrays.toString(values())));
  }
}
