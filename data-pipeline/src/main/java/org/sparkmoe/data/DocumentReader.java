package org.sparkmoe.data;

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
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import scala.Tuple2;

/** Reads documents from whatever {@code data.paths} names. */
final class DocumentReader {
  private final SparkSession spark;
  private final DataConfig config;

  DocumentReader(SparkSession spark, DataConfig config) {
    this.spark = spark;
    this.config = config;
  }

  /**
   * The raw documents, null and repeated ones included.
   *
   * @throws DataException if a path cannot be read or a column is not there
   */
  Dataset<String> read() {
    List<Path> files = files();
    String format = "auto".equals(config.format()) ? inferFormat(files) : config.format();
    String[] names = files.stream().map(Path::toString).toArray(String[]::new);
    String source = config.paths().toString();
    return switch (format) {
      case "text" -> spark.read().option("wholetext", true).textFile(names);
      case "lines" -> spark.read().textFile(names);
      case "archive" -> archives(names);
      case "parquet" -> textColumn(spark.read().parquet(names), config.textColumn(), source);
      case "json" -> textColumn(spark.read().json(names), config.textColumn(), source);
      case "csv" ->
          textColumn(
              spark
                  .read()
                  .option("header", true)
                  .option("multiLine", true)
                  .option("escape", "\"")
                  .csv(names),
              config.textColumn(),
              source);
      case DataConfig.DATASET ->
          throw new DataException(
              "data.format is dataset, which is for programs that pass a Dataset: name data.paths"
                  + " and set data.format=auto");
      default -> throw new IllegalStateException("data.format " + format + " is not for reading");
    };
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
   * The documents in a column.
   *
   * @param source where the rows are from, for messages
   * @throws DataException if there is no such column, or it holds no strings
   */
  static Dataset<String> textColumn(Dataset<Row> rows, String column, String source) {
    List<String> columns = Arrays.asList(rows.columns());
    if (!columns.contains(column)) {
      throw new DataException(
          "data.text-column is \"%s\", must be one of the columns of %s: %s"
              .formatted(column, source, columns));
    }
    Dataset<Row> text = rows.select(rows.col("`" + column.replace("`", "``") + "`").as("text"));
    if (!text.schema().apply("text").dataType().equals(DataTypes.StringType)) {
      throw new DataException(
          "data.text-column \"%s\" of %s is of type %s, must be string"
              .formatted(column, source, text.schema().apply("text").dataType().simpleString()));
    }
    return text.as(Encoders.STRING());
  }

  /** Every file under the paths, so that what is missing is found before Spark starts a job. */
  private List<Path> files() {
    List<Path> files = new ArrayList<>();
    for (String path : config.paths()) {
      int before = files.size();
      try {
        list(new Path(path), files);
      } catch (IOException | IllegalArgumentException e) {
        throw new DataException("data.paths: \"%s\" cannot be read: %s".formatted(path, e), e);
      }
      if (files.size() == before) {
        throw new DataException(
            "data.paths: \"%s\" holds no files, must name at least one".formatted(path));
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

  private static String inferFormat(List<Path> files) {
    Set<String> formats = new TreeSet<>();
    files.forEach(file -> formats.add(formatOf(file.getName().toLowerCase(Locale.ROOT))));
    if (formats.size() > 1) {
      throw new DataException(
          "data.format is auto and data.paths holds files of the formats %s: set data.format, or"
                  .formatted(formats)
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
