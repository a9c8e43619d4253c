package org.sparkmoe.ml;

import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;

/**
 * Params of the data, the optimisation and what training leaves behind. {@link ConfigKey} says
 * which keys of the configuration they stand for.
 *
 * @param <S> the stage, which setters return
 */
public interface TrainingParams<S> extends StageParams<S> {

  /** {@code byte}, {@code gpt2} or the path of a {@code tokenizer.json}. */
  default Param<String> tokenizer() {
    return table().ofString("tokenizer");
  }

  default String getTokenizer() {
    return valueOf(tokenizer());
  }

  default S setTokenizer(String value) {
    return with("tokenizer", value);
  }

  /** L, tokens predicted in a sequence. */
  default IntParam sequenceLength() {
    return table().ofInt("sequenceLength");
  }

  default int getSequenceLength() {
    return (int) valueOf(sequenceLength());
  }

  default S setSequenceLength(int value) {
    return with("sequenceLength", value);
  }

  /** Share of documents held out. */
  default DoubleParam validationFraction() {
    return table().ofDouble("validationFraction");
  }

  default double getValidationFraction() {
    return (double) valueOf(validationFraction());
  }

  default S setValidationFraction(double value) {
    return with("validationFraction", value);
  }

  /** Decides the split and the order of sequences. */
  default LongParam dataSeed() {
    return table().ofLong("dataSeed");
  }

  default long getDataSeed() {
    return (long) valueOf(dataSeed());
  }

  default S setDataSeed(long value) {
    return with("dataSeed", value);
  }

  /** Optimiser steps. */
  default IntParam steps() {
    return table().ofInt("steps");
  }

  default int getSteps() {
    return (int) valueOf(steps());
  }

  default S setSteps(int value) {
    return with("steps", value);
  }

  /** GB, sequences in a step over all ranks. */
  default IntParam globalBatch() {
    return table().ofInt("globalBatch");
  }

  default int getGlobalBatch() {
    return (int) valueOf(globalBatch());
  }

  default S setGlobalBatch(int value) {
    return with("globalBatch", value);
  }

  /** B, sequences that a data-parallel rank passes through the model at once. */
  default IntParam microBatch() {
    return table().ofInt("microBatch");
  }

  default int getMicroBatch() {
    return (int) valueOf(microBatch());
  }

  default S setMicroBatch(int value) {
    return with("microBatch", value);
  }

  /** {@code f32}, {@code bf16} or {@code f64}. */
  default Param<String> precision() {
    return table().ofString("precision");
  }

  default String getPrecision() {
    return valueOf(precision());
  }

  default S setPrecision(String value) {
    return with("precision", value);
  }

  /** The highest learning rate. */
  default DoubleParam learningRate() {
    return table().ofDouble("learningRate");
  }

  default double getLearningRate() {
    return (double) valueOf(learningRate());
  }

  default S setLearningRate(double value) {
    return with("learningRate", value);
  }

  /** Steps over which the learning rate rises from 0. */
  default IntParam warmupSteps() {
    return table().ofInt("warmupSteps");
  }

  default int getWarmupSteps() {
    return (int) valueOf(warmupSteps());
  }

  default S setWarmupSteps(int value) {
    return with("warmupSteps", value);
  }

  /** Of the first weights and of the gates' random choices. */
  default LongParam seed() {
    return table().ofLong("seed");
  }

  default long getSeed() {
    return (long) valueOf(seed());
  }

  default S setSeed(long value) {
    return with("seed", value);
  }

  /** The model directory; unless it is set, a temporary one for each fit. */
  default Param<String> outputDirectory() {
    return table().ofString("outputDirectory");
  }

  default String getOutputDirectory() {
    return valueOf(outputDirectory());
  }

  default S setOutputDirectory(String value) {
    return with("outputDirectory", value);
  }

  /** Where checkpoints go; empty: into the model directory. */
  default Param<String> checkpointDirectory() {
    return table().ofString("checkpointDirectory");
  }

  default String getCheckpointDirectory() {
    return valueOf(checkpointDirectory());
  }

  default S setCheckpointDirectory(String value) {
    return with("checkpointDirectory", value);
  }

  /** Steps from one checkpoint to the next; 0 writes the last one only. */
  default IntParam checkpointEvery() {
    return table().ofInt("checkpointEvery");
  }

  default int getCheckpointEvery() {
    return (int) valueOf(checkpointEvery());
  }

  default S setCheckpointEvery(int value) {
    return with("checkpointEvery", value);
  }

  /** Whether to go on from the newest usable checkpoint. */
  default BooleanParam resume() {
    return table().ofBoolean("resume");
  }

  default boolean getResume() {
    return (boolean) valueOf(resume());
  }

  default S setResume(boolean value) {
    return with("resume", value);
  }
}
