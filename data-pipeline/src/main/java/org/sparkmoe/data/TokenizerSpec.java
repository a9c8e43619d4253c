package org.sparkmoe.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * All that is needed to make a tokenizer anywhere, without network: what crosses to executors and
 * what lies in a model directory.
 *
 * @param name {@code byte}, {@code gpt2} or {@code huggingface}
 * @param json the text of a {@code tokenizer.json} when the name is {@code huggingface}, else empty
 */
public record TokenizerSpec(String name, String json) implements Serializable {
  private static final String NAME_FILE = "tokenizer-name.txt";
  private static final String JSON_FILE = "tokenizer.json";
  private static final long MAX_BYTES = 128L << 20;

  /**
   * Finds what {@code data.tokenizer} names and tries it out.
   *
   * @throws DataException if it is a file that cannot be read or used
   */
  public static TokenizerSpec resolve(String tokenizer, Configuration hadoop) {
    TokenizerSpec spec;
    if ("byte".equals(tokenizer) || "gpt2".equals(tokenizer)) {
      spec = new TokenizerSpec(tokenizer, "");
    } else {
      try {
        spec = new TokenizerSpec("huggingface", read(new Path(tokenizer), hadoop));
      } catch (IOException | IllegalArgumentException e) {
        throw new DataException(
            "data.tokenizer is \"%s\", must be byte, gpt2 or a readable tokenizer.json: %s"
                .formatted(tokenizer, e),
            e);
      }
    }
    spec.open().close();
    return spec;
  }

  /**
   * Reads what {@link #save} wrote.
   *
   * @throws DataException if the directory holds no usable tokenizer
   */
  public static TokenizerSpec load(Path directory, Configuration hadoop) {
    try {
      String name = read(new Path(directory, NAME_FILE), hadoop).strip();
      boolean hasJson = "huggingface".equals(name);
      return new TokenizerSpec(name, hasJson ? read(new Path(directory, JSON_FILE), hadoop) : "");
    } catch (IOException e) {
      throw new DataException("no tokenizer can be read from %s: %s".formatted(directory, e), e);
    }
  }

  /**
   * Writes this to a model directory, over what is there.
   *
   * @throws IOException if a file cannot be written
   */
  public void save(Path directory, Configuration hadoop) throws IOException {
    write(new Path(directory, NAME_FILE), name + "\n", hadoop);
    if (!json.isEmpty()) {
      write(new Path(directory, JSON_FILE), json, hadoop);
    }
  }

  /**
   * Makes the tokenizer; the caller closes it.
   *
   * @throws DataException if the name is unknown or the JSON cannot be used
   */
  public Tokenizer open() {
    return switch (name) {
      case "byte" -> new ByteTokenizer();
      case "gpt2" -> new Gpt2Tokenizer();
      case "huggingface" -> new HuggingFaceTokenizer(json);
      default ->
          throw new DataException(
              "tokenizer is \"%s\", must be byte, gpt2 or huggingface".formatted(name));
    };
  }

  private static String read(Path file, Configuration hadoop) throws IOException {
    FileSystem files = file.getFileSystem(hadoop);
    long bytes = files.getFileStatus(file).getLen();
    if (bytes > MAX_BYTES) {
      throw new IOException(
          "%s has %d bytes, must have at most %d".formatted(file, bytes, MAX_BYTES));
    }
    try (InputStream in = files.open(file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static void write(Path file, String text, Configuration hadoop) throws IOException {
    FileSystem files = file.getFileSystem(hadoop);
    try (OutputStream out = files.create(file, true)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
  }
}
