package org.sparkmoe.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Raw text to sequences of tokens: read, normalise, drop exact duplicates, split, tokenize, pack.
 *
 * <p>Documents are put in the order of the SHA-256 of their normalised text, and the split goes by
 * that hash as well, so that the sequences are a function of the set of documents and the
 * configuration, however the input was partitioned. Of several sources each goes this way by
 * itself, and their sequences are numbered through in the order of their names; the split is the
 * same, so that a document of two sources is on one side.
 */
public final class DataPipeline {
  private static final Logger LOG = LoggerFactory.getLogger(DataPipeline.class);

  private final SparkSession spark;
  private final DataConfig config;
  private final TokenizerSpec tokenizer;

  private DataPipeline(SparkSession spark, DataConfig config) {
    this.spark = spark;
    this.config = config;
    this.tokenizer =
        TokenizerSpec.resolve(config.tokenizer(), spark.sparkContext().hadoopConfiguration());
  }

  /**
   * Runs the pipeline on {@code data.paths} or {@code data.sources}. The result is held in the
   * cluster until {@link PreparedData#close}.
   *
   * @throws DataException if the data cannot be read, or does not give a sequence on each side
   */
  public static PreparedData prepare(SparkSession spark, DataConfig config) {
    if ("prepared".equals(config.format())) {
      return PreparedData.read(spark, config.paths().get(0), config);
    }
    return new DataPipeline(spark, config).run();
  }

  /**
   * The same on the documents that a program has, one a row, in the columns {@code
   * data.text-column} and, if it is set, {@code data.prompt-column}; {@code data.paths} is not
   * read.
   *
   * @throws DataException if there is no such column of strings, or the documents do not give a
   *     sequence on each side
   */
  public static PreparedData prepare(Dataset<Row> documents, DataConfig config) {
    DataPipeline pipeline = new DataPipeline(documents.sparkSession(), config);
    DocumentSource source = DocumentSource.of(config).get(0).named("the Dataset");
    return pipeline.alone(pipeline.sequences(source, DocumentReader.columns(documents, source)));
  }

  private PreparedData run() {
    List<DocumentSource> sources = DocumentSource.of(config);
    // All are looked for before one is worked on.
    List<Dataset<Row>> documents =
        sources.stream().map(source -> new DocumentReader(spark, source).read()).toList();
    if (config.sources().isEmpty()) {
      return alone(sequences(sources.get(0), documents.get(0)));
    }
    List<SourcePipeline.Result> results = new ArrayList<>();
    try {
      for (int i = 0; i < sources.size(); i++) {
        results.add(sequences(sources.get(i), documents.get(i)));
      }
      return together(sources, results);
    } finally {
      results.forEach(result -> result.train().rows().unpersist());
      results.forEach(result -> result.validation().rows().unpersist());
    }
  }

  private SourcePipeline.Result sequences(DocumentSource source, Dataset<Row> documents) {
    return new SourcePipeline(spark, config, source, tokenizer).run(documents);
  }

  private static PreparedData alone(SourcePipeline.Result result) {
    return told(
        result.train().rows(),
        result.validation().rows(),
        counts(List.of(result), result.train(), result.validation(), List.of()));
  }

  private PreparedData together(List<DocumentSource> sources, List<SourcePipeline.Result> results) {
    SourcePipeline.Side train = join(results, SourcePipeline.Result::train);
    SourcePipeline.Side validation = join(results, SourcePipeline.Result::validation);
    if (validation.counts().sequences() == 0) {
      throw new DataException(
          ("validation gets no sequence of any source, must get at least 1: name more data or raise"
                  + " data.validation-fraction (%s)")
              .formatted(config.validationFraction()));
    }
    List<DataCounts.Source> parts = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      SourcePipeline.Result result = results.get(i);
      parts.add(
          new DataCounts.Source(
              sources.get(i).name(),
              sources.get(i).weight(),
              result.read(),
              result.train().counts(),
              result.validation().counts()));
    }
    return told(
        held(train.rows()), held(validation.rows()), counts(results, train, validation, parts));
  }

  /** Persisted and filled, so that what it was made from need not be kept. */
  private static Dataset<Row> held(Dataset<Row> rows) {
    Dataset<Row> held = rows.persist(StorageLevel.MEMORY_AND_DISK());
    held.count();
    return held;
  }

  /** Sequences of one side numbered through, source after source. */
  private static SourcePipeline.Side join(
      List<SourcePipeline.Result> results,
      Function<SourcePipeline.Result, SourcePipeline.Side> side) {
    SourcePipeline.Side first = side.apply(results.get(0));
    Dataset<Row> rows = first.rows();
    DataCounts.Split counts = first.counts();
    TrigramCounts trigrams = first.trigrams();
    for (SourcePipeline.Result result : results.subList(1, results.size())) {
      SourcePipeline.Side next = side.apply(result);
      rows =
          rows.union(
              next.rows()
                  .select(
                      col(PreparedData.SEQUENCE)
                          .plus(lit(counts.sequences()))
                          .as(PreparedData.SEQUENCE),
                      col(PreparedData.TOKENS)));
      counts = counts.plus(next.counts());
      trigrams.addAll(next.trigrams());
    }
    return new SourcePipeline.Side(rows, counts, trigrams);
  }

  private static DataCounts counts(
      List<SourcePipeline.Result> results,
      SourcePipeline.Side train,
      SourcePipeline.Side validation,
      List<DataCounts.Source> sources) {
    return new DataCounts(
        sum(results, SourcePipeline.Result::read),
        sum(results, SourcePipeline.Result::empty),
        sum(results, SourcePipeline.Result::duplicates),
        sum(results, SourcePipeline.Result::overLimit),
        train.counts(),
        validation.counts(),
        new TrigramModel(train.trigrams()).bitsPerByte(validation.trigrams()),
        sources);
  }

  private static long sum(
      List<SourcePipeline.Result> results, ToLongFunction<SourcePipeline.Result> count) {
    return results.stream().mapToLong(count).sum();
  }

  private static PreparedData told(Dataset<Row> train, Dataset<Row> validation, DataCounts counts) {
    LOG.info("prepared data\n{}", counts.describe());
    return new PreparedData(train, validation, counts);
  }
}
