package org.sparkmoe.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;

/**
 * Sequences ready for training. Both sides have the columns {@code sequence} (long, from 0) and
 * {@code tokens} (array of int, length L + 1; a token of a prompt is marked as {@link ContextToken}
 * says).
 *
 * @param train what to train on
 * @param validation what is held out
 * @param counts what the pipeline read, dropped and made
 */
public record PreparedData(Dataset<Row> train, Dataset<Row> validation, DataCounts counts)
    implements AutoCloseable {
  static final String SEQUENCE = "sequence";
  static final String TOKENS = "tokens";
  private static final String MANIFEST = "manifest.json";

  /** What a directory of prepared data says of itself, last written, so that it is complete. */
  private record Manifest(DataCounts counts, int sequenceLength, int vocabSize) {}

  /**
   * Writes both sides as Parquet, the counts and the tokenizer.
   *
   * @throws DataException if the directory is there already or cannot be written
   */
  public void write(SparkSession spark, String directory, DataConfig config) {
    Configuration hadoop = spark.sparkContext().hadoopConfiguration();
    Path root = new Path(directory);
    try {
      FileSystem files = root.getFileSystem(hadoop);
      if (files.exists(root)) {
        throw new DataException(
            "prepared data cannot be written to %s: it exists, must be a new directory"
                .formatted(directory));
      }
      train.write().mode(SaveMode.ErrorIfExists).parquet(new Path(root, "train").toString());
      validation
          .write()
          .mode(SaveMode.ErrorIfExists)
          .parquet(new Path(root, "validation").toString());
      TokenizerSpec spec = TokenizerSpec.resolve(config.tokenizer(), hadoop);
      spec.save(root, hadoop);
      try (Tokenizer tokenizer = spec.open();
          OutputStream out = files.create(new Path(root, MANIFEST))) {
        new ObjectMapper()
            .writerWithDefaultPrettyPrinter()
            .writeValue(out, new Manifest(counts, config.sequenceLength(), tokenizer.vocabSize()));
      }
    } catch (IOException e) {
      throw new DataException(
          "prepared data cannot be written to %s: %s".formatted(directory, e), e);
    }
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws DataException if the directory is not complete, or was prepared with another sequence
   *     length or tokenizer than {@code config} names
   */
  public static PreparedData read(SparkSession spark, String directory, DataConfig config) {
    Configuration hadoop = spark.sparkContext().hadoopConfiguration();
    Path root = new Path(directory);
    Manifest manifest;
    try (InputStream in = root.getFileSystem(hadoop).open(new Path(root, MANIFEST))) {
      manifest = new ObjectMapper().readValue(in, Manifest.class);
    } catch (IOException e) {
      throw new DataException(
          "data.paths: %s holds no complete prepared data: %s".formatted(directory, e), e);
    }
    if (manifest.sequenceLength() != config.sequenceLength()) {
      throw new DataException(
          "data.sequence-length is %d, must be %d as in the prepared data in %s"
              .formatted(config.sequenceLength(), manifest.sequenceLength(), directory));
    }
    TokenizerSpec saved = TokenizerSpec.load(root, hadoop);
    if (!saved.equals(TokenizerSpec.resolve(config.tokenizer(), hadoop))) {
      throw new DataException(
          "data.tokenizer is \"%s\", must be the %s tokenizer that lies with the prepared data in %s"
              .formatted(config.tokenizer(), saved.name(), directory));
    }
    return new PreparedData(
        spark.read().parquet(new Path(root, "train").toString()),
        spark.read().parquet(new Path(root, "validation").toString()),
        manifest.counts());
  }

  /**
   * How many sequences of each source the first {@code sequences} of training are, by name; empty
   * unless there are several sources.
   */
  public Map<String, Long> drawn(long sequences) {
    Map<String, Long> drawn = new LinkedHashMap<>();
    if (!counts.sources().isEmpty()) {
      long[] bySource = mixture(0).drawn(sequences);
      for (int source = 0; source < bySource.length; source++) {
        drawn.put(counts.sources().get(source).name(), bySource[source]);
      }
    }
    return drawn;
  }

  /** Sequences of training until each of every source has been there once. */
  public long sequencesUntilAllWereSeen() {
    return mixture(0).cycle();
  }

  /** The order of the training side. */
  Mixture mixture(long seed) {
    return counts.sources().isEmpty()
        ? Mixture.of(counts.train().sequences(), seed)
        : new Mixture(
            counts.sources().stream()
                .map(source -> new Mixture.Share(source.train().sequences(), source.weight()))
                .toList(),
            seed);
  }

  /** Gives back the memory that the sequences take in the cluster. */
  @Override
  public void close() {
    train.unpersist();
    validation.unpersist();
  }

  /** Column {@code index} of {@code row} as an array. */
  static int[] tokens(Row row, int index) {
    List<Integer> list = row.getList(index);
    int[] tokens = new int[list.size()];
    int i = 0;
    for (int token : list) {
      tokens[i++] = token;
    }
    return tokens;
  }
}
