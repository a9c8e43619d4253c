package org.sparkmoe.train;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * Reads a safetensors file of any origin. The header is checked before anything is allocated by its
 * word, and no byte outside the file is asked for.
 */
public final class SafetensorsReader implements AutoCloseable {
  private final Path file;
  private final FSDataInputStream in;
  private final SafetensorsHeader header;
  private final long dataStart;
  private final int headerCrc;

  private SafetensorsReader(Path file, FSDataInputStream in, long length) throws IOException {
    this.file = file;
    this.in = in;
    if (length < Long.BYTES) {
      throw new SafetensorsException("file has %d bytes, must have at least 8".formatted(length));
    }
    byte[] size = new byte[Long.BYTES];
    in.readFully(0, size);
    long headerBytes = ByteBuffer.wrap(size).order(ByteOrder.LITTLE_ENDIAN).getLong();
    long largest = Math.min(SafetensorsHeader.MAX_BYTES, length - Long.BYTES);
    if (headerBytes < 2 || headerBytes > largest) {
      throw new SafetensorsException(
          "header length is %s, must be from 2 to %d in a file of %d bytes"
              .formatted(Long.toUnsignedString(headerBytes), largest, length));
    }
    byte[] json = new byte[(int) headerBytes];
    in.readFully(Long.BYTES, json);
    dataStart = Long.BYTES + headerBytes;
    header = SafetensorsHeaderParser.parse(json, length - dataStart);
    headerCrc = crc(json);
  }

  /**
   * Opens {@code file} and reads its header.
   *
   * @throws SafetensorsException if it is no valid safetensors file
   * @throws IOException if it cannot be read
   */
  public static SafetensorsReader open(FileSystem files, Path file) throws IOException {
    long length = files.getFileStatus(file).getLen();
    FSDataInputStream in = files.open(file);
    try {
      return new SafetensorsReader(file, in, length);
    } catch (SafetensorsException e) {
      in.close();
      throw new SafetensorsException("%s: %s".formatted(file, e.getMessage()), e);
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  /** What the file says of its contents. */
  public SafetensorsHeader header() {
    return header;
  }

  /** CRC32C of the header's JSON. */
  int headerCrc() {
    return headerCrc;
  }

  static int crc(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  /**
   * Reads one tensor to the CPU, in the caller's scope.
   *
   * @throws SafetensorsException if it is not there, or differs from the checksum beside it
   */
  public Tensor read(String name) throws IOException {
    SafetensorsHeader.Entry entry = header.tensors().get(name);
    if (entry == null) {
      throw new SafetensorsException("%s: tensor \"%s\" is missing".formatted(file, name));
    }
    Tensor tensor =
        torch.zeros(
            entry.shape(),
            new TensorOptions().dtype(new ScalarTypeOptional(entry.type().scalarType())));
    long start = dataStart + entry.begin();
    int crc =
        TensorBytes.write(
            tensor, (piece, count, done) -> in.readFully(start + done, piece, 0, count));
    String wanted = header.metadata().get(SafetensorsWriter.CHECKSUM + name);
    String found = "%08x".formatted(crc);
    if (wanted != null && !wanted.equals(found)) {
      throw new SafetensorsException(
          "%s: tensor \"%s\" has CRC32C %s, must have %s: the file is damaged"
              .formatted(file, name, found, wanted));
    }
    return tensor;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
