package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** A manifest is what was written, or it is refused; one that was forged names no other file. */
class CheckpointManifestFuzzTest {
  private static final CheckpointManifest WRITTEN =
      new CheckpointManifest(
          new TrainingCursor(12, 11, 3, 2, 7, 8, 16),
          List.of(
              new CheckpointManifest.Shard("shard-00000.safetensors", 4096, 0x12345678),
              new CheckpointManifest.Shard("shard-00001.safetensors", 2048, 0x9ABCDEF0)));
  private static final ObjectMapper JSON = new ObjectMapper();

  @Property(tries = 10_000)
  void aMutatedManifestIsRefusedOrTheSame(
      @ForAll @Size(min = 1, max = 4) List<@IntRange(max = 1 << 30) Integer> edits) {
    byte[] bytes = WRITTEN.toJson();
    for (int edit : edits) {
      int position = (edit >>> 10) % bytes.length;
      if ((edit & 7) == 0) {
        bytes = Arrays.copyOf(bytes, Math.max(1, position));
      } else {
        bytes[position] = (byte) (edit >>> 3);
      }
    }
    try {
      assertThat(CheckpointManifest.parse(bytes)).isEqualTo(WRITTEN);
    } catch (IOException refused) {
      assertThat(refused).hasMessageContaining("manifest.json");
    }
  }

  @Provide
  Arbitrary<String> fields() {
    return Arbitraries.of(
        "format",
        "step",
        "updates",
        "skippedBatches",
        "seed",
        "globalBatch",
        "sequenceLength",
        "shards",
        "file",
        "bytes",
        "headerCrc32c");
  }

  @Provide
  Arbitrary<String> hostile() {
    return Arbitraries.of(
        "-1",
        "1.5",
        "9223372036854775808",
        "1e400",
        "null",
        "true",
        "\"\"",
        "\"../../etc/passwd\"",
        "\"/etc/passwd\"",
        "\"shard-00000.safetensors\"",
        "[]",
        "{}",
        "[[]]",
        "[1]");
  }

  /** The checksum is no secret: whoever can write the file can forge it. */
  @Property(tries = 2_000)
  void aForgedManifestStaysInItsDirectory(
      @ForAll("fields") String field, @ForAll("hostile") String value)
      throws JsonProcessingException {
    ObjectNode root = (ObjectNode) readTree(new String(WRITTEN.toJson(), StandardCharsets.UTF_8));
    ObjectNode body = (ObjectNode) root.get("checkpoint");
    ObjectNode shard = (ObjectNode) body.get("shards").get(1);
    (shard.has(field) ? shard : body).set(field, readTree(value));
    byte[] text = body.toString().getBytes(StandardCharsets.UTF_8);
    root.put("crc32c", "%08x".formatted(SafetensorsReader.crc(text)));
    try {
      CheckpointManifest parsed =
          CheckpointManifest.parse(root.toString().getBytes(StandardCharsets.UTF_8));

      assertThat(parsed.cursor().step()).isNotNegative();
      assertThat(parsed.shards())
          .allSatisfy(
              s -> {
                assertThat(s.file()).matches("shard-[0-9]+\\.safetensors");
                assertThat(s.bytes()).isNotNegative();
              });
    } catch (IOException refused) {
      assertThat(refused).hasMessageContaining("manifest.json");
    }
  }

  private static JsonNode readTree(String json) throws JsonProcessingException {
    return JSON.readTree(json);
  }
}
