package org.sparkmoe.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What makes a set of shards a checkpoint; written last, so that its presence means that all is
 * there.
 *
 * @param cursor where training stands
 * @param shards one for each rank that wrote
 */
record CheckpointManifest(TrainingCursor cursor, List<Shard> shards) {
  static final String FILE = "manifest.json";
  static final int MAX_BYTES = 16 << 20;

  private static final String FORMAT = "spark-moe checkpoint 1";
  private static final ObjectMapper JSON =
      new ObjectMapper(BoundedJson.FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  CheckpointManifest {
    shards = List.copyOf(shards);
  }

  /**
   * A file of tensors; the checksums of the tensors are in its header, whose own is here.
   *
   * @param bytes length of the file
   * @param headerCrc CRC32C of the header's JSON
   */
  record Shard(String file, long bytes, int headerCrc) {
    private static final Pattern NAME = Pattern.compile("shard-[0-9]{5,9}\\.safetensors");

    static String name(int rank) {
      return "shard-%05d.safetensors".formatted(rank);
    }
  }

  byte[] toJson() {
    ObjectNode body = JSON.createObjectNode();
    body.put("format", FORMAT);
    body.put("step", cursor.step());
    body.put("updates", cursor.updates());
    body.put("skippedBatches", cursor.skippedBatches());
    body.put("rewinds", cursor.rewinds());
    body.put("seed", cursor.seed());
    body.put("globalBatch", cursor.globalBatch());
    body.put("sequenceLength", cursor.sequenceLength());
    for (Shard shard : shards) {
      body.withArray("shards")
          .addObject()
          .put("file", shard.file())
          .put("bytes", shard.bytes())
          .put("headerCrc32c", "%08x".formatted(shard.headerCrc()));
    }
    ObjectNode root = JSON.createObjectNode();
    root.set("checkpoint", body);
    root.put("crc32c", sum(body));
    return root.toString().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws IOException if it is damaged, cut short or not ours; the message names the fault
   */
  static CheckpointManifest parse(byte[] bytes) throws IOException {
    JsonNode root;
    try {
      root = JSON.readTree(bytes);
    } catch (JsonProcessingException e) {
      throw new IOException("%s is not valid JSON: %s".formatted(FILE, e.getOriginalMessage()), e);
    }
    JsonNode body = root.path("checkpoint");
    if (!body.isObject() || !sum(body).equals(root.path("crc32c").asText())) {
      throw new IOException(FILE + " differs from its checksum: it is damaged");
    }
    if (!FORMAT.equals(body.path("format").asText())) {
      throw new IOException(
          "%s has format \"%s\", must be \"%s\""
              .formatted(FILE, body.path("format").asText(), FORMAT));
    }
    TrainingCursor cursor =
        new TrainingCursor(
            whole(body, "step", Long.MAX_VALUE),
            whole(body, "updates", Long.MAX_VALUE),
            wholeOrZero(body, "skippedBatches"),
            wholeOrZero(body, "rewinds"),
            body.path("seed").asLong(),
            (int) whole(body, "globalBatch", Integer.MAX_VALUE),
            (int) whole(body, "sequenceLength", Integer.MAX_VALUE));
    return new CheckpointManifest(cursor, shards(body));
  }

  /** What checkpoints of earlier versions lack. */
  private static long wholeOrZero(JsonNode object, String name) throws IOException {
    return object.has(name) ? whole(object, name, Long.MAX_VALUE) : 0;
  }

  private static long whole(JsonNode object, String name, long most) throws IOException {
    JsonNode value = object.path(name);
    if (!value.canConvertToLong()
        || !value.isIntegralNumber()
        || value.asLong() < 0
        || value.asLong() > most) {
      throw new IOException(
          "%s has %s \"%s\", must be a whole number from 0 to %d"
              .formatted(FILE, name, value.asText(), most));
    }
    return value.asLong();
  }

  private static List<Shard> shards(JsonNode body) throws IOException {
    List<Shard> shards = new ArrayList<>();
    Set<String> files = new HashSet<>();
    for (JsonNode shard : body.path("shards")) {
      String file = shard.path("file").asText();
      if (!Shard.NAME.matcher(file).matches()) {
        throw new IOException(
            "%s names the file \"%s\", must be shard-NNNNN.safetensors".formatted(FILE, file));
      }
      if (!files.add(file)) {
        throw new IOException("%s names %s twice".formatted(FILE, file));
      }
      int crc;
      try {
        crc = Integer.parseUnsignedInt(shard.path("headerCrc32c").asText(), 16);
      } catch (NumberFormatException e) {
        throw new IOException("%s has no checksum of %s".formatted(FILE, file), e);
      }
      shards.add(new Shard(file, whole(shard, "bytes", Long.MAX_VALUE), crc));
    }
    return shards;
  }

  private static String sum(JsonNode body) {
    return "%08x"
        .formatted(SafetensorsReader.crc(body.toString().getBytes(StandardCharsets.UTF_8)));
  }
}
