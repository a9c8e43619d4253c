package org.sparkmoe.train;

import java.io.IOException;
import java.util.zip.CRC32C;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorScope;

/**
 * A tensor's memory in pieces, as the little-endian machines we run on keep it, which is also how
 * safetensors wants it.
 */
final class TensorBytes {
  private static final int PIECE = 1 << 20;

  /** Takes or fills the first {@code count} bytes of {@code piece}, which follow {@code done}. */
  @FunctionalInterface
  interface Piece {
    void accept(byte[] piece, int count, long done) throws IOException;
  }

  private TensorBytes() {}

  /** Hands on the bytes of {@code tensor}, contiguous on the CPU, and returns their CRC32C. */
  static int read(Tensor tensor, Piece to) throws IOException {
    return walk(tensor, to, false);
  }

  /** Fills {@code tensor}, contiguous on the CPU, and returns the CRC32C of its bytes. */
  static int write(Tensor tensor, Piece from) throws IOException {
    return walk(tensor, from, true);
  }

  private static int walk(Tensor tensor, Piece body, boolean fill) throws IOException {
    CRC32C crc = new CRC32C();
    long bytes = tensor.nbytes();
    byte[] piece = new byte[(int) Math.min(PIECE, bytes)];
    try (TensorScope scope = TensorScope.open()) {
      BytePointer memory = new BytePointer(tensor.data_ptr());
      for (long done = 0; done < bytes; done += piece.length) {
        int count = (int) Math.min(piece.length, bytes - done);
        memory.position(done);
        if (fill) {
          body.accept(piece, count, done);
          memory.put(piece, 0, count);
        } else {
          memory.get(piece, 0, count);
          body.accept(piece, count, done);
        }
        crc.update(piece, 0, count);
      }
    }
    return (int) crc.getValue();
  }
}
