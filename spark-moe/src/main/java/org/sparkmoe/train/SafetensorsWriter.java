package org.sparkmoe.train;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorScope;

/**
 * Writes safetensors files, with a CRC32C of each tensor's bytes in the metadata under {@code
 * crc32c/NAME}.
 */
public final class SafetensorsWriter {
  static final String CHECKSUM = "crc32c/";

  private SafetensorsWriter() {}

  /**
   * Writes a whole file. Each source is loaded twice, so that no more than one tensor need be in
   * memory.
   *
   * @return the header
   */
  public static SafetensorsHeader write(
      OutputStream out, Map<String, ? extends TensorSource> tensors, Map<String, String> metadata)
      throws IOException {
    Map<String, String> withSums = new LinkedHashMap<>(metadata);
    for (Map.Entry<String, ? extends TensorSource> tensor : tensors.entrySet()) {
      int crc = each(tensor.getValue(), (piece, count, done) -> {});
      withSums.put(CHECKSUM + tensor.getKey(), "%08x".formatted(crc));
    }
    SafetensorsHeader header = SafetensorsHeader.layOut(tensors, withSums);
    byte[] json = header.toJson();
    out.write(
        ByteBuffer.allocate(Long.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length)
            .array());
    out.write(json);
    for (TensorSource source : tensors.values()) {
      each(source, (piece, count, done) -> out.write(piece, 0, count));
    }
    return header;
  }

  private static int each(TensorSource source, TensorBytes.Piece to) throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      Tensor tensor = source.load();
      return TensorBytes.read(tensor, to);
    }
  }
}
