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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Raw text to sequences of tokens: read, normalise, drop exact duplicates, split, tokenize, pack.
 *
 * <p>Documents are put in the order of the SHA-256 of their normalised text, and the split goes by
 * that hash as well, so that the sequences are a function of the set of documents and the
 * configuration, however the input was partitioned.
 */
public final class DataPipeline {
  private static final Logger LOG = LoggerFactory.getLogger(DataPipeline.class);
  private static final StorageLevel CACHE = StorageLevel.MEMORY_AND_DISK();
  private static final String HASH = "hash";
  private static final String VALIDATION = "validation";
  private static final int SPLIT_HEX_DIGITS = 12;
  private static final StructType DOCUMENT =
      new StructType().add(PROMPT, DataTypes.StringType).add(TEXT, DataTypes.StringType);

  private final SparkSession spark;
  private final DataConfig config;
  private final TokenizerSpec tokenizer;
  private final List<Runnable> releases = new ArrayList<>();

  private DataPipeline(SparkSession spark, DataConfig config) {
    this.spark = spark;
    this.config = config;
    this.tokenizer =
        TokenizerSpec.resolve(config.tokenizer(), spark.sparkContext().hadoopConfiguration());
  }

  /**
   * Runs the pipeline on {@code data.paths}. The result is held in the cluster until {@link
   * PreparedData#close}.
   *
   * @throws DataException if the data cannot be read, or does not give a sequence on each side
   */
  public static PreparedData prepare(SparkSession spark, DataConfig config) {
    if ("prepared".equals(config.format())) {
      return PreparedData.read(spark, config.paths().get(0), config);
    }
    return new DataPipeline(spark, config)
        .runAndRelease(new DocumentReader(spark, config).read(), config.paths().toString());
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
    String source = "the Dataset";
    return new DataPipeline(documents.sparkSession(), config)
        .runAndRelease(DocumentReader.columns(documents, config, source), source);
  }

  private PreparedData runAndRelease(Dataset<Row> documents, String source) {
    try {
      return run(documents, source);
    } finally {
      releases.forEach(Runnable::run);
    }
  }

  private PreparedData run(Dataset<Row> raw, String source) {
    Dataset<Row> normalized =
        raw.map((MapFunction<Row, Row>) DataPipeline::clean, Encoders.row(DOCUMENT))
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
          "%s gave %d documents and none has text, must give at least 2".formatted(source, read));
    }
    Dataset<Row> documents = documents(normalized).persist(CACHE);
    releases.add(documents::unpersist);

    Dataset<Row> trainDocuments = side(documents, false);
    Dataset<Row> validationDocuments = side(documents, true);
    TrigramCounts trainTrigrams = trigrams(trainDocuments);
    TrigramCounts validationTrigrams = trigrams(validationDocuments);
    Side train = pack(trainDocuments, trainTrigrams, "training");
    Side validation = pack(validationDocuments, validationTrigrams, "validation");
    long used = train.counts.documents() + validation.counts.documents();
    DataCounts counts =
        new DataCounts(
            read,
            read - withText,
            withText - distinct,
            distinct - used,
            train.counts,
            validation.counts,
            new TrigramModel(trainTrigrams).bitsPerByte(validationTrigrams));
    LOG.info("prepared data\n{}", counts.describe());
    return new PreparedData(train.rows, validation.rows, counts);
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

  private record Side(Dataset<Row> rows, DataCounts.Split counts) {}

  private Side pack(Dataset<Row> side, TrigramCounts trigrams, String name) {
    if (trigrams.documents() == 0) {
      throw new DataException(
          "%s gets 0 documents, must get at least 1: name more data or change".formatted(name)
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
    if (sequences == 0) {
      rows.unpersist();
      throw new DataException(
          "%s gets %d tokens, must get more than data.sequence-length %d: name more data or lower it"
              .formatted(name, packed.tokens(), config.sequenceLength()));
    }
    long promptBytes = promptBytes(side);
    return new Side(
        rows,
        new DataCounts.Split(
            trigrams.documents(),
            trigrams.bytes() + promptBytes,
            packed.tokens(),
            sequences,
            promptBytes,
            packed.contextTokens()));
  }

  private long promptBytes(Dataset<Row> side) {
    return config.promptColumn().isEmpty()
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
