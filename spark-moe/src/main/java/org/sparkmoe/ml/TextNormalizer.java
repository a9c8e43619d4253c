package org.sparkmoe.ml;

import static org.apache.spark.sql.functions.udf;

import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.data.TextNormalization;

/**
 * Gives equal text equal bytes: Unicode NFC, line feeds as line ends, no control characters. The
 * trainer does so itself; as a stage of its own it comes before what looks at the text.
 */
public final class TextNormalizer extends Transformer
    implements StageParams<TextNormalizer>, DefaultParamsWritable {
  private static final long serialVersionUID = 1L;

  private final String uid;
  private final ParamTable table;

  /** A normalizer with a uid of its own. */
  public TextNormalizer() {
    this(Identifiable.randomUID("textNormalizer"));
  }

  /** A normalizer with the given uid. */
  public TextNormalizer(String uid) {
    this.uid = uid;
    table = new ParamTable(uid);
    table.addString("inputCol", "Column of strings");
    table.addString("outputCol", "Column to add: the normalized text; null where it was null");
    setDefault(inputCol(), "text");
    setDefault(outputCol(), "normalized");
  }

  @Override
  public String uid() {
    return uid;
  }

  @Override
  public ParamTable table() {
    return table;
  }

  /** Column of strings. */
  public Param<String> inputCol() {
    return table.ofString("inputCol");
  }

  public String getInputCol() {
    return valueOf(inputCol());
  }

  public TextNormalizer setInputCol(String value) {
    return with("inputCol", value);
  }

  /** Column to add. */
  public Param<String> outputCol() {
    return table.ofString("outputCol");
  }

  public String getOutputCol() {
    return valueOf(outputCol());
  }

  public TextNormalizer setOutputCol(String value) {
    return with("outputCol", value);
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    transformSchema(dataset.schema());
    UDF1<@Nullable String, @Nullable String> normalize =
        text -> text == null ? null : TextNormalization.normalize(text);
    return dataset
        .toDF()
        .withColumn(
            getOutputCol(),
            udf(normalize, DataTypes.StringType).apply(TextColumn.of(getInputCol())));
  }

  /**
   * @throws IllegalArgumentException if the input column is not there or holds no strings, or the
   *     output column is there
   */
  @Override
  public StructType transformSchema(StructType schema) {
    TextColumn.check(schema, "inputCol", getInputCol());
    TextColumn.checkNew(schema, getOutputCol());
    return schema.add(getOutputCol(), DataTypes.StringType, true);
  }

  @Override
  public TextNormalizer copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Reads what {@code write} wrote. */
  public static MLReader<TextNormalizer> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} wrote. */
  public static TextNormalizer load(String path) {
    return read().load(path);
  }
}
