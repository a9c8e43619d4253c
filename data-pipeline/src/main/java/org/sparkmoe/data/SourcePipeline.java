package org.sparkmoe.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.conv;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.countDistinct;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.octet_length;
import static org.apache.spark.sql.functions.sha2;
import static org.apache.spark.sql.functions.substring;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.when;
import static org.sparkmoe.data.DocumentReader.PROMPT;
import static org.sparkmoe.data.DocumentReader.TEXT;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.storage.StorageLevel;
import org.jspecify.annotations.Nullable;

/**
 * The documents of one source to sequences of tokens: normalise, drop exact duplicates, split,
 * tokenize, pack.
 */
final class SourcePipeline {
  private static final StorageLevel CACHE = StorageLevel.MEMORY_AND_DISK();
  private static final String HASH = "hash";
  private static final String VALIDATION = "validation";
  private static final int SPLIT_HEX_DIGITS = 12;
  private static final StructType DOCUMENT =
      new StructType().add(PROMPT, DataTypes.StringType).add(TEXT, DataTypes.StringType);

  private final SparkSession spark;
  private final DataConfig config;
  private final DocumentSource source;
  private final TokenizerSpec tokenizer;
  private final List<Runnable> releases = new ArrayList<>();

  SourcePipeline(
      SparkSession spark, DataConfig config, DocumentSource source, TokenizerSpec tokenizer) {
    this.spark = spark;
    this.config = config;
    this.source = source;
    this.tokenizer = tokenizer;
  }

  /**
   * One side of the split.
   *
   * @param rows columns {@code sequence}, from 0, and {@code tokens}; held in the cluster
   * @param trigrams of the texts
   */
  record Side(Dataset<Row> rows, DataCounts.Split counts, TrigramCounts trigrams) {}

  /**
   * What came of the documents.
   *
   * @param read documents read
   * @param empty documents without text
   * @param duplicates documents that were there already
   * @param overLimit documents beyond {@code data.max-documents}
   */
  record Result(
      long read, long empty, long duplicates, long overLimit, Side train, Side validation) {}

  /**
   * Runs the pipeline.
   *
   * @param raw columns prompt and text
   * @throws DataException if there is no text, or no document or sequence for training
   */
  Result run(Dataset<Row> raw) {
    try {
      return sequences(raw);
    } finally {
      releases.forEach(Runnable::run);
    }
  }

  private Result sequences(Dataset<Row> raw) {
    Dataset<Row> normalized =
        raw.map((MapFunction<Row, Row>) SourcePipeline::clean, Encoders.row(DOCUMENT))
            .withColumn(HASH, sha2(identity().cast("binary"), 256))
            .persist(CACHE);
    releases.add(normalized::unpersist);
    Row totals =
        normalized
            .agg(count(lit(1)), count(col(TEXT)), countDistinct(col(HASH)))
            .collectAsList()
            .get(0);
    long read = totals.getLong(0);
    long withText = totals.getLong(1);
    long distinct = totals.getLong(2);
    if (distinct == 0) {
      throw new DataException(
          "%s gave %d documents and none has text, must give at least 2"
              .formatted(source.description(), read));
    }
    Dataset<Row> documents = documents(normalized).persist(CACHE);
    releases.add(documents::unpersist);

    Side train = pack(side(documents, false), "training");
    Side validation = pack(side(documents, true), VALIDATION);
    long used = train.counts.documents() + validation.counts.documents();
    return new Result(
        read, read - withText, withText - distinct, distinct - used, train, validation);
  }

  /** Distinct documents by hash, each with the side it belongs to. */
  private Dataset<Row> documents(Dataset<Row> normalized) {
    Dataset<Row> distinct =
        normalized.filter(col(TEXT).isNotNull()).dropDuplicates(HASH).orderBy(col(HASH));
    Dataset<Row> used =
        config.maxDocuments() == 0 ? distinct : distinct.limit(config.maxDocuments());
    Column seeded = concat(col(HASH), lit(":" + config.seed())).cast("binary");
    Column number = conv(substring(sha2(seeded, 256), 1, SPLIT_HEX_DIGITS), 16, 10).cast("double");
    double border = config.validationFraction() * Math.pow(16, SPLIT_HEX_DIGITS);
    return used.withColumn(VALIDATION, number.lt(border));
  }

  /** What tells documents apart: normalised text has no NUL, which can stand between the two. */
  private static Column identity() {
    return when(col(PROMPT).equalTo(""), col(TEXT))
        .otherwise(concat(col(PROMPT), lit("\0"), col(TEXT)));
  }

  /** Columns prompt and text. */
  private static Dataset<Row> side(Dataset<Row> documents, boolean validation) {
    return documents.filter(col(VALIDATION).equalTo(validation)).select(col(PROMPT), col(TEXT));
  }

  private static TrigramCounts trigrams(Dataset<Row> documents) {
    return TrigramCounts.of(documents.toJavaRDD().map(Document::of).map(Document::text));
  }

  private Side pack(Dataset<Row> side, String name) {
    TrigramCounts trigrams = trigrams(side);
    if (trigrams.documents() == 0 && !mayBeEmpty(name)) {
      throw new DataException(
          "%s gets 0 documents%s, must get at least 1: name more data or change"
                  .formatted(name, ofSource())
              + " data.validation-fraction (%s) or data.seed (%d)"
                  .formatted(config.validationFraction(), config.seed()));
    }
    TokenizerSpec spec = tokenizer;
    JavaRDD<int[]> tokens =
        side.toJavaRDD()
            .map(Document::of)
            .mapPartitions(documents -> new TokenizedDocuments(documents, spec))
            .persist(CACHE);
    releases.add(() -> tokens.unpersist(false));
    SequencePacker.Packed packed = SequencePacker.pack(spark, tokens, config.sequenceLength());
    Dataset<Row> rows = packed.rows().persist(CACHE);
    long sequences = rows.count();
    if (sequences == 0 && !mayBeEmpty(name)) {
      rows.unpersist();
      throw new DataException(
          "%s gets %d tokens%s, must get more than data.sequence-length %d: name more data or lower it"
              .formatted(name, packed.tokens(), ofSource(), config.sequenceLength()));
    }
    long promptBytes = trigrams.documents() == 0 ? 0 : promptBytes(side);
    return new Side(
        rows,
        new DataCounts.Split(
            trigrams.documents(),
            trigrams.bytes() + promptBytes,
            packed.tokens(),
            sequences,
            promptBytes,
            packed.contextTokens()),
        trigrams);
  }

  /** One of several sources may be too small for its hash to hold anything out. */
  private boolean mayBeEmpty(String side) {
    return VALIDATION.equals(side) && !source.name().isEmpty();
  }

  private String ofSource() {
    return source.name().isEmpty() ? "" : " of source " + source.name();
  }

  private long promptBytes(Dataset<Row> side) {
    return source.promptColumn().isEmpty()
        ? 0
        : side.agg(sum(octet_length(col(PROMPT)))).collectAsList().get(0).getLong(0);
  }

  /**
   * Normalised prompt and text; a text that is blank becomes null, which counts as without text.
   */
  private static Row clean(Row document) {
    String prompt = document.isNullAt(0) ? "" : TextNormalization.normalize(document.getString(0));
    @Nullable String text =
        document.isNullAt(1) ? null : TextNormalization.normalize(document.getString(1));
    return RowFactory.create(prompt, text == null || text.isBlank() ? null : text);
  }
}
