package org.sparkmoe.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.input.PortableDataStream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import scala.Tuple2;

/** Reads the documents of a source. */
final class DocumentReader {
  /** Column of what stands before the text; null counts as empty. */
  static final String PROMPT = "prompt";

  /** Column of the text. */
  static final String TEXT = "text";

  private final SparkSession spark;
  private final DocumentSource source;

  DocumentReader(SparkSession spark, DocumentSource source) {
    this.spark = spark;
    this.source = source;
  }

  /**
   * The raw documents, null and repeated ones included, in the columns {@link #PROMPT} and {@link
   * #TEXT}.
   *
   * @throws DataException if a path cannot be read or a column is not there
   */
  Dataset<Row> read() {
    List<Path> files = files();
    String format = "auto".equals(source.format()) ? inferFormat(files) : source.format();
    String[] names = files.stream().map(Path::toString).toArray(String[]::new);
    return switch (format) {
      case "text" -> withoutPrompts(spark.read().option("wholetext", true).textFile(names), format);
      case "lines" -> withoutPrompts(spark.read().textFile(names), format);
      case "archive" -> withoutPrompts(archives(names), format);
      case "parquet" -> columns(spark.read().parquet(names), source);
      case "json" -> columns(spark.read().json(names), source);
      case "csv" ->
          columns(
              spark
                  .read()
                  .option("header", true)
                  .option("multiLine", true)
                  .option("escape", "\"")
                  .csv(names),
              source);
      case DataConfig.DATASET ->
          throw new DataException(
              "data.format is dataset, which is for programs that pass a Dataset: name data.paths"
                  + " and set data.format=auto");
      default -> throw new IllegalStateException("data.format " + format + " is not for reading");
    };
  }

  private Dataset<Row> withoutPrompts(Dataset<String> texts, String format) {
    if (!source.promptColumn().isEmpty()) {
      throw new DataException(
          "%s.prompt-column is \"%s\", must be empty: files of the format %s have no columns"
              .formatted(source.key(), source.promptColumn(), format));
    }
    return texts.toDF(TEXT).select(lit("").as(PROMPT), col(TEXT));
  }

  private Dataset<String> archives(String[] names) {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    // A comma separates paths for Hadoop, so that a name with one in it is escaped.
    String joined = String.join(",", Arrays.stream(names).map(n -> n.replace(",", "\\,")).toList());
    JavaRDD<String> documents =
        context.binaryFiles(joined, names.length).flatMap(DocumentReader::entries);
    return spark.createDataset(documents.rdd(), Encoders.STRING());
  }

  private static ArchiveReader entries(Tuple2<String, PortableDataStream> file) {
    return new ArchiveReader(file._1(), file._2().open());
  }

  /**
   * The documents in the columns that {@code source} names, as {@link #read} returns them.
   *
   * @throws DataException if there is no such column, or it holds no strings
   */
  static Dataset<Row> columns(Dataset<Row> rows, DocumentSource source) {
    Column prompt =
        source.promptColumn().isEmpty()
            ? lit("")
            : strings(rows, source, ".prompt-column", source.promptColumn());
    return rows.select(
        prompt.as(PROMPT), strings(rows, source, ".text-column", source.textColumn()).as(TEXT));
  }

  private static Column strings(Dataset<Row> rows, DocumentSource source, String key, String name) {
    List<String> columns = Arrays.asList(rows.columns());
    if (!columns.contains(name)) {
      throw new DataException(
          "%s is \"%s\", must be one of the columns of %s: %s"
              .formatted(source.key() + key, name, source.description(), columns));
    }
    DataType type = rows.schema().apply(name).dataType();
    if (!type.equals(DataTypes.StringType)) {
      throw new DataException(
          "%s \"%s\" of %s is of type %s, must be string"
              .formatted(source.key() + key, name, source.description(), type.simpleString()));
    }
    return rows.col("`" + name.replace("`", "``") + "`");
  }

  /** Every file under the paths, so that what is missing is found before Spark starts a job. */
  private List<Path> files() {
    List<Path> files = new ArrayList<>();
    for (String path : source.paths()) {
      int before = files.size();
      try {
        list(new Path(path), files);
      } catch (IOException | IllegalArgumentException e) {
        throw new DataException(
            "%s.paths: \"%s\" cannot be read: %s".formatted(source.key(), path, e), e);
      }
      if (files.size() == before) {
        throw new DataException(
            "%s.paths: \"%s\" holds no files, must name at least one"
                .formatted(source.key(), path));
      }
    }
    return files;
  }

  private void list(Path path, List<Path> files) throws IOException {
    Configuration hadoop = spark.sparkContext().hadoopConfiguration();
    FileSystem system = path.getFileSystem(hadoop);
    FileStatus[] matches = system.globStatus(path);
    for (FileStatus match : matches == null ? new FileStatus[0] : matches) {
      RemoteIterator<LocatedFileStatus> found = system.listFiles(match.getPath(), true);
      while (found.hasNext()) {
        LocatedFileStatus file = found.next();
        // Spark's own convention: names with _ or . in front are not data.
        boolean hidden = file.getPath().getName().startsWith("_");
        if (!hidden && !file.getPath().getName().startsWith(".") && file.getLen() > 0) {
          files.add(file.getPath());
        }
      }
    }
  }

  private String inferFormat(List<Path> files) {
    Set<String> formats = new TreeSet<>();
    files.forEach(file -> formats.add(formatOf(file.getName().toLowerCase(Locale.ROOT))));
    if (formats.size() > 1) {
      throw new DataException(
          "%1$s.format is auto and %1$s.paths holds files of the formats %2$s: set %1$s.format, or"
                  .formatted(source.key(), formats)
              + " name files of one format");
    }
    return formats.iterator().next();
  }

  private static String formatOf(String fileName) {
    String name = fileName.replaceFirst("\\.(gz|bz2|zst|snappy|lz4)$", "");
    String extension = name.substring(name.lastIndexOf('.') + 1);
    return switch (extension) {
      case "jar", "zip" -> "archive";
      case "parquet" -> "parquet";
      case "json", "jsonl", "ndjson" -> "json";
      case "csv" -> "csv";
      default -> "text";
    };
  }
}
