package org.sparkmoe.ml;

import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.Params;

/**
 * Params of the columns that a {@link MoeLanguageModel} reads and adds, which its trainer hands on.
 *
 * @param <S> the stage, which setters return
 */
public interface ScoringParams<S> extends StageParams<S> {

  /** Adds them. */
  static void addTo(ParamTable table) {
    table.addString("inputCol", "Column of strings, a text a row; null gives null scores");
    table.addString(
        "promptCol",
        "Column of strings that stand before the texts: read, but neither learnt nor scored; null"
            + " gives an empty one; empty: none (data.prompt-column)");
    table.addString(
        "logLikelihoodCol", "Column to add: log-likelihood of the text, double, nats; empty: none");
    table.addString(
        "tokenCountCol", "Column to add: tokens that were predicted, long; empty: none");
    table.addString(
        "perplexityCol",
        "Column to add: e to the mean negative log-likelihood of a token, double; empty: none");
    table.addString(
        "generatedCol", "Column to add: what the model writes after the text, string; empty: none");
    table.addInt("maxNewTokens", "Most tokens to generate for a row", ParamValidators.gtEq(0));
    table.addDouble(
        "temperature",
        "What logits are divided by in generation; 0 takes the likeliest token",
        ParamValidators.gtEq(0));
    table.addInt(
        "samplingTopK",
        "Generation draws from this many likeliest tokens; 0 takes all",
        ParamValidators.gtEq(0));
    table.addDouble(
        "samplingTopP",
        "Generation draws from the fewest tokens that reach this probability",
        ParamValidators.inRange(0, 1, false, true));
    table.addLong("samplingSeed", "Of the draws of each row in generation");
    table.addInt(
        "batchSize",
        "Most sequences that pass through the model at once in transform",
        ParamValidators.gtEq(1));
  }

  /** Sets their defaults. */
  static void setDefaults(Params stage) {
    setDefault(stage, "inputCol", "text");
    setDefault(stage, "promptCol", "");
    setDefault(stage, "logLikelihoodCol", "logLikelihood");
    setDefault(stage, "tokenCountCol", "tokenCount");
    setDefault(stage, "perplexityCol", "perplexity");
    setDefault(stage, "generatedCol", "");
    setDefault(stage, "maxNewTokens", 64);
    setDefault(stage, "temperature", 0.8);
    setDefault(stage, "samplingTopK", 0);
    setDefault(stage, "samplingTopP", 0.95);
    setDefault(stage, "samplingSeed", 1L);
    setDefault(stage, "batchSize", 8);
  }

  private static void setDefault(Params stage, String name, Object value) {
    stage.setDefault(stage.getParam(name), value);
  }

  /** Column of strings, a text a row. */
  default Param<String> inputCol() {
    return table().ofString("inputCol");
  }

  default String getInputCol() {
    return valueOf(inputCol());
  }

  default S setInputCol(String value) {
    return with("inputCol", value);
  }

  /** Column of what stands before the texts and is context only; empty: none. */
  default Param<String> promptCol() {
    return table().ofString("promptCol");
  }

  default String getPromptCol() {
    return valueOf(promptCol());
  }

  default S setPromptCol(String value) {
    return with("promptCol", value);
  }

  /** Column to add: log-likelihood of the text, double, nats. */
  default Param<String> logLikelihoodCol() {
    return table().ofString("logLikelihoodCol");
  }

  default String getLogLikelihoodCol() {
    return valueOf(logLikelihoodCol());
  }

  default S setLogLikelihoodCol(String value) {
    return with("logLikelihoodCol", value);
  }

  /** Column to add: tokens that were predicted, long. */
  default Param<String> tokenCountCol() {
    return table().ofString("tokenCountCol");
  }

  default String getTokenCountCol() {
    return valueOf(tokenCountCol());
  }

  default S setTokenCountCol(String value) {
    return with("tokenCountCol", value);
  }

  /** Column to add: perplexity of the text, double. */
  default Param<String> perplexityCol() {
    return table().ofString("perplexityCol");
  }

  default String getPerplexityCol() {
    return valueOf(perplexityCol());
  }

  default S setPerplexityCol(String value) {
    return with("perplexityCol", value);
  }

  /** Column to add: what the model writes after the text, string. */
  default Param<String> generatedCol() {
    return table().ofString("generatedCol");
  }

  default String getGeneratedCol() {
    return valueOf(generatedCol());
  }

  default S setGeneratedCol(String value) {
    return with("generatedCol", value);
  }

  /** Most tokens to generate for a row. */
  default IntParam maxNewTokens() {
    return table().ofInt("maxNewTokens");
  }

  default int getMaxNewTokens() {
    return (int) valueOf(maxNewTokens());
  }

  default S setMaxNewTokens(int value) {
    return with("maxNewTokens", value);
  }

  /** What logits are divided by in generation. */
  default DoubleParam temperature() {
    return table().ofDouble("temperature");
  }

  default double getTemperature() {
    return (double) valueOf(temperature());
  }

  default S setTemperature(double value) {
    return with("temperature", value);
  }

  /** How many likeliest tokens generation draws from. */
  default IntParam samplingTopK() {
    return table().ofInt("samplingTopK");
  }

  default int getSamplingTopK() {
    return (int) valueOf(samplingTopK());
  }

  default S setSamplingTopK(int value) {
    return with("samplingTopK", value);
  }

  /** Probability of the tokens that generation draws from. */
  default DoubleParam samplingTopP() {
    return table().ofDouble("samplingTopP");
  }

  default double getSamplingTopP() {
    return (double) valueOf(samplingTopP());
  }

  default S setSamplingTopP(double value) {
    return with("samplingTopP", value);
  }

  /** Of the draws of each row. */
  default LongParam samplingSeed() {
    return table().ofLong("samplingSeed");
  }

  default long getSamplingSeed() {
    return (long) valueOf(samplingSeed());
  }

  default S setSamplingSeed(long value) {
    return with("samplingSeed", value);
  }

  /** Most sequences that pass through the model at once. */
  default IntParam batchSize() {
    return table().ofInt("batchSize");
  }

  default int getBatchSize() {
    return (int) valueOf(batchSize());
  }

  default S setBatchSize(int value) {
    return with("batchSize", value);
  }
}
