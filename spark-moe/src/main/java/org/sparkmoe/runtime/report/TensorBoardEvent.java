package org.sparkmoe.runtime.report;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * One record of a TensorBoard event file: a protocol buffer {@code Event} (TensorFlow's {@code
 * event.proto}: wall_time = 1, step = 2, file_version = 3, summary = 5; a summary's values = 1 with
 * tag = 1, simple_value = 2), framed as a TFRecord: length, masked CRC-32C of the length, data,
 * masked CRC-32C of the data, little-endian.
 *
 * @param message in protocol buffer wire format
 */
record TensorBoardEvent(byte[] message) {
  private static final int VARINT = 0;
  private static final int BITS_64 = 1;
  private static final int BYTES = 2;
  private static final int BITS_32 = 5;
  private static final int CRC_MASK = 0xa282ead8;

  /** The first event of a file. */
  static TensorBoardEvent version(Instant time) {
    return new TensorBoardEvent(
        new Message().wallTime(time).bytes(3, utf8("brain.Event:2")).toByteArray());
  }

  /** Numbers of one step. */
  static TensorBoardEvent scalars(Instant time, long step, Map<String, Double> values) {
    Message summary = new Message();
    values.forEach(
        (tag, value) ->
            summary.bytes(1, new Message().bytes(1, utf8(tag)).float32(2, value).toByteArray()));
    return new TensorBoardEvent(
        new Message().wallTime(time).int64(2, step).bytes(5, summary.toByteArray()).toByteArray());
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** As it lies in the file. */
  byte[] record() {
    byte[] length =
        ByteBuffer.allocate(Long.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(message.length)
            .array();
    return ByteBuffer.allocate(length.length + message.length + 2 * Integer.BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(length)
        .putInt(maskedCrc(length))
        .put(message)
        .putInt(maskedCrc(message))
        .array();
  }

  private static int maskedCrc(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return Integer.rotateRight((int) crc.getValue(), 15) + CRC_MASK;
  }

  /** A protocol buffer under construction. */
  private static final class Message extends ByteArrayOutputStream {

    Message wallTime(Instant time) {
      double seconds = time.toEpochMilli() / 1000.0;
      tag(1, BITS_64);
      return fixed(Long.BYTES, Double.doubleToRawLongBits(seconds));
    }

    Message int64(int field, long value) {
      tag(field, VARINT);
      return varint(value);
    }

    Message float32(int field, double value) {
      tag(field, BITS_32);
      return fixed(Integer.BYTES, Float.floatToRawIntBits((float) value));
    }

    Message bytes(int field, byte[] value) {
      tag(field, BYTES);
      varint(value.length);
      writeBytes(value);
      return this;
    }

    private void tag(int field, int wireType) {
      varint((long) field << 3 | wireType);
    }

    private Message varint(long value) {
      long rest = value;
      while ((rest & ~0x7FL) != 0) {
        write((int) (rest & 0x7F | 0x80));
        rest >>>= 7;
      }
      write((int) rest);
      return this;
    }

    private Message fixed(int bytes, long value) {
      for (int i = 0; i < bytes; i++) {
        write((int) (value >>> (8 * i)));
      }
      return this;
    }
  }
}
