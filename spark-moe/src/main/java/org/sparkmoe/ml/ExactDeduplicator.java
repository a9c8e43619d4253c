package org.sparkmoe.ml;

import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/** Keeps one row of those with the same text, and drops rows without text. */
public final class ExactDeduplicator extends Transformer
    implements StageParams<ExactDeduplicator>, DefaultParamsWritable {
  private static final long serialVersionUID = 1L;

  private final String uid;
  private final ParamTable table;

  /** A deduplicator with a uid of its own. */
  public ExactDeduplicator() {
    this(Identifiable.randomUID("exactDeduplicator"));
  }

  /** A deduplicator with the given uid. */
  public ExactDeduplicator(String uid) {
    this.uid = uid;
    table = new ParamTable(uid);
    table.addString("inputCol", "Column of strings, of which each is kept once");
    setDefault(inputCol(), "text");
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

  public ExactDeduplicator setInputCol(String value) {
    return with("inputCol", value);
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    transformSchema(dataset.schema());
    String[] column = {getInputCol()};
    return dataset.toDF().filter(TextColumn.of(getInputCol()).isNotNull()).dropDuplicates(column);
  }

  /**
   * @throws IllegalArgumentException if the input column is not there or holds no strings
   */
  @Override
  public StructType transformSchema(StructType schema) {
    TextColumn.check(schema, "inputCol", getInputCol());
    return schema;
  }

  @Override
  public ExactDeduplicator copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Reads what {@code write} wrote. */
  public static MLReader<ExactDeduplicator> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} wrote. */
  public static ExactDeduplicator load(String path) {
    return read().load(path);
  }
}
