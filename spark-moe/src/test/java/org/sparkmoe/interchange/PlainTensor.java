package org.sparkmoe.interchange;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A tensor as a safetensors file has it, without libtorch. */
record PlainTensor(String dtype, long[] shape, byte[] data) {

  /** Values rounded towards zero to the type. */
  static PlainTensor of(String dtype, long[] shape, double[] values) {
    int size = dtype.equals("F32") ? Float.BYTES : Short.BYTES;
    ByteBuffer data = ByteBuffer.allocate(values.length * size).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      int bits = Float.floatToRawIntBits((float) value);
      switch (dtype) {
        case "F32" -> data.putInt(bits);
        case "BF16" -> data.putShort((short) (bits >>> 16));
        case "F16" -> data.putShort(half(bits));
        default -> throw new IllegalArgumentException(dtype);
      }
    }
    return new PlainTensor(dtype, shape, data.array());
  }

  /** All elements, row-major. */
  double[] values() {
    ByteBuffer from = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
    int size = dtype.equals("F32") ? Float.BYTES : Short.BYTES;
    double[] values = new double[data.length / size];
    Arrays.setAll(
        values,
        i ->
            switch (dtype) {
              case "F32" -> from.getFloat(i * size);
              case "BF16" -> Float.intBitsToFloat(from.getShort(i * size) << 16);
              default -> single(from.getShort(i * size));
            });
    return values;
  }

  /** Only for values that are normal in F16. */
  private static short half(int bits) {
    int exponent = ((bits >>> 23) & 0xFF) - 127 + 15;
    int sign = (bits >>> 16) & 0x8000;
    boolean tiny = exponent <= 0;
    return (short) (tiny ? sign : sign | exponent << 10 | (bits >>> 13) & 0x3FF);
  }

  private static float single(short half) {
    int exponent = (half >>> 10) & 0x1F;
    int sign = (half & 0x8000) << 16;
    int bits = exponent == 0 ? sign : sign | (exponent - 15 + 127) << 23 | (half & 0x3FF) << 13;
    return Float.intBitsToFloat(bits);
  }

  /** Type, shape and bytes as one text, for comparison. */
  String contents() {
    return dtype + Arrays.toString(shape) + Arrays.toString(data);
  }
}
