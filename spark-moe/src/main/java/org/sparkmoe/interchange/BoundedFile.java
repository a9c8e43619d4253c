package org.sparkmoe.interchange;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.sparkmoe.train.BoundedJson;

/** Text files of a model, which may be hostile: no more is read than such a file can need. */
final class BoundedFile {
  /** A tokenizer.json of a quarter of a million tokens has some 30 MB. */
  private static final int MAX_BYTES = 128 << 20;

  private BoundedFile() {}

  /**
   * @throws IOException if the file cannot be read or is too large
   */
  static String text(FileSystem files, Path file) throws IOException {
    long length = files.getFileStatus(file).getLen();
    if (length > MAX_BYTES) {
      throw new IOException(
          "%s has %d bytes, must have at most %d".formatted(file, length, MAX_BYTES));
    }
    try (InputStream in = files.open(file)) {
      return new String(in.readNBytes(MAX_BYTES), StandardCharsets.UTF_8);
    }
  }

  /**
   * A JSON object, without names twice or deep nesting.
   *
   * @throws IOException if the file cannot be read or is none
   */
  static JsonNode json(FileSystem files, Path file) throws IOException {
    try {
      JsonNode root = new ObjectMapper(BoundedJson.FACTORY).readTree(text(files, file));
      if (!root.isObject()) {
        throw new IOException("%s is no JSON object".formatted(file));
      }
      return root;
    } catch (JsonProcessingException e) {
      throw new IOException("%s is not JSON: %s".formatted(file, e.getOriginalMessage()), e);
    }
  }
}
