package org.sparkmoe.ml;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.sum;

import org.apache.spark.ml.evaluation.Evaluator;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;

/**
 * Perplexity of all rows together: e to the negative of their log-likelihood over their tokens.
 * Smaller is better. Compares models with the same tokenizer.
 */
public final class PerplexityEvaluator extends Evaluator
    implements StageParams<PerplexityEvaluator>, DefaultParamsWritable {
  private static final long serialVersionUID = 1L;

  private final String uid;
  private final ParamTable table;

  /** An evaluator with a uid of its own. */
  public PerplexityEvaluator() {
    this(Identifiable.randomUID("perplexityEvaluator"));
  }

  /** An evaluator with the given uid. */
  public PerplexityEvaluator(String uid) {
    this.uid = uid;
    table = new ParamTable(uid);
    table.addString("logLikelihoodCol", "Column with the log-likelihood of each text, nats");
    table.addString("tokenCountCol", "Column with the number of its tokens");
    setDefault(logLikelihoodCol(), "logLikelihood");
    setDefault(tokenCountCol(), "tokenCount");
  }

  @Override
  public String uid() {
    return uid;
  }

  @Override
  public ParamTable table() {
    return table;
  }

  /** Column with the log-likelihood of each text, double, nats. */
  public Param<String> logLikelihoodCol() {
    return table.ofString("logLikelihoodCol");
  }

  public String getLogLikelihoodCol() {
    return valueOf(logLikelihoodCol());
  }

  public PerplexityEvaluator setLogLikelihoodCol(String value) {
    return with("logLikelihoodCol", value);
  }

  /** Column with the number of its tokens, long. */
  public Param<String> tokenCountCol() {
    return table.ofString("tokenCountCol");
  }

  public String getTokenCountCol() {
    return valueOf(tokenCountCol());
  }

  public PerplexityEvaluator setTokenCountCol(String value) {
    return with("tokenCountCol", value);
  }

  /**
   * @throws IllegalArgumentException if a column is not there or of another type, or no row has
   *     tokens
   */
  @Override
  public double evaluate(Dataset<?> dataset) {
    TextColumn.checkType(
        dataset.schema(), "logLikelihoodCol", getLogLikelihoodCol(), DataTypes.DoubleType);
    TextColumn.checkType(dataset.schema(), "tokenCountCol", getTokenCountCol(), DataTypes.LongType);
    Row sums =
        dataset
            .toDF()
            .agg(sum(col(getLogLikelihoodCol())), sum(col(getTokenCountCol())))
            .collectAsList()
            .get(0);
    if (sums.isNullAt(1) || sums.getLong(1) == 0) {
      throw new IllegalArgumentException(
          "the Dataset has no tokens to evaluate on, must have at least one text that is not empty");
    }
    return Math.exp(-sums.getDouble(0) / sums.getLong(1));
  }

  @Override
  public boolean isLargerBetter() {
    return false;
  }

  @Override
  public PerplexityEvaluator copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /** Reads what {@code write} wrote. */
  public static MLReader<PerplexityEvaluator> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads what {@code save} wrote. */
  public static PerplexityEvaluator load(String path) {
    return read().load(path);
  }
}
