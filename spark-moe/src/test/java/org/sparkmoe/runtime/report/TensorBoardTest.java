package org.sparkmoe.runtime.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingStart;

/** Event files, read back by Google's protocol buffer reader and a bit-by-bit checksum. */
class TensorBoardTest {

  /** An event as TensorBoard sees it. */
  private record Event(long step, String version, Map<String, Float> scalars) {}

  /** CRC-32C by its polynomial, masked as TFRecord wants it. */
  private static int maskedCrc(byte[] bytes) {
    int crc = ~0;
    for (byte b : bytes) {
      crc ^= b & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc >>> 1) ^ ((crc & 1) == 0 ? 0 : 0x82F63B78);
      }
    }
    crc = ~crc;
    return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
  }

  private static List<Event> read(byte[] file) throws IOException {
    List<Event> events = new ArrayList<>();
    ByteBuffer buffer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      byte[] length = new byte[8];
      buffer.get(length);
      assertThat(buffer.getInt()).isEqualTo(maskedCrc(length));
      byte[] data =
          new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      buffer.get(data);
      assertThat(buffer.getInt()).isEqualTo(maskedCrc(data));
      events.add(event(CodedInputStream.newInstance(data)));
    }
    return events;
  }

  private static Event event(CodedInputStream in) throws IOException {
    long step = 0;
    String version = "";
    Map<String, Float> scalars = new LinkedHashMap<>();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case 1 -> assertThat(in.readDouble()).isGreaterThan(1.7e9);
        case 2 -> step = in.readInt64();
        case 3 -> version = in.readString();
        case 5 -> {
          CodedInputStream summary = CodedInputStream.newInstance(in.readByteArray());
          while (summary.readTag() != 0) {
            CodedInputStream value = CodedInputStream.newInstance(summary.readByteArray());
            value.readTag();
            String name = value.readString();
            value.readTag();
            scalars.put(name, value.readFloat());
          }
        }
        default -> throw new AssertionError("field " + tag);
      }
    }
    return new Event(step, version, scalars);
  }

  @Test
  void theChecksumIsThatOfTheStandard() {
    // RFC 3720, B.4: 32 bytes of 0 have the CRC-32C aa36918a.
    int crc = 0x8a9136aa;
    assertThat(maskedCrc(new byte[32])).isEqualTo(((crc >>> 15) | (crc << 17)) + 0xa282ead8);
  }

  @Test
  void aTrainingIsReadBack(@TempDir Path directory) throws Exception {
    TensorBoardListener listener =
        new TensorBoardListener(
            new org.apache.hadoop.fs.Path(directory.toUri()), new Configuration());
    listener.started(new TrainingStart(0, 300, 1, 2));
    RoutingStats routing = new RoutingStats(new long[] {3, 1}, 0.25, 0.5, 1.5, 0.01);
    listener.step(
        new StepMetrics(
            300, 2.5, 0.02, 1e-3, 1.5, false, 4000, 412, 0.5, 5, 6, 7, 2, List.of(routing), null));
    listener.evaluated(new EvaluationMetrics(300, 2.25, 3.5, 8, 9));

    try (Stream<Path> files = Files.list(directory)) {
      Path file =
          files
              .filter(f -> f.getFileName().toString().startsWith("events.out.tfevents."))
              .findFirst()
              .orElseThrow();
      List<Event> events = read(Files.readAllBytes(file));
      assertThat(events).hasSize(3);
      assertThat(events.get(0).version()).isEqualTo("brain.Event:2");
      assertThat(events.get(1).step()).isEqualTo(300);
      assertThat(events.get(1).scalars())
          .containsEntry("loss/training", 2.5f)
          .containsEntry("train/tokens-per-second", 4000f)
          .containsEntry("train/teraflops", 412f)
          .containsEntry("train/mfu", 0.5f)
          .containsEntry("moe-layer-1/imbalance", 1.5f);
      assertThat(events.get(2).scalars()).containsEntry("validation/bits-per-byte", 3.5f);
    }
  }
}
