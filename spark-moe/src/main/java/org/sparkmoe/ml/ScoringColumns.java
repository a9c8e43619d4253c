package org.sparkmoe.ml;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.sparkmoe.train.GenerationConfig;

/**
 * What a row is scored into.
 *
 * @param input the column of texts
 * @param prompt the column of what stands before the texts; empty: there is none
 * @param outputs the columns to add, in this order
 * @param generation how text is generated, if it is
 * @param batch most sequences that pass through the model at once
 */
record ScoringColumns(
    String input, String prompt, List<Output> outputs, Generation generation, int batch)
    implements Serializable {

  /** What a column holds. */
  enum Content {
    LOG_LIKELIHOOD,
    TOKEN_COUNT,
    PERPLEXITY,
    GENERATED
  }

  /** A column to add. */
  record Output(String name, Content content) implements Serializable {
    StructField field() {
      return DataTypes.createStructField(
          name,
          switch (content) {
            case LOG_LIKELIHOOD, PERPLEXITY -> DataTypes.DoubleType;
            case TOKEN_COUNT -> DataTypes.LongType;
            case GENERATED -> DataTypes.StringType;
          },
          true);
    }
  }

  /** {@link GenerationConfig} in a form that crosses to executors. */
  record Generation(int maxTokens, double temperature, int topK, double topP, long seed)
      implements Serializable {
    GenerationConfig config() {
      return new GenerationConfig(maxTokens, temperature, topK, topP, seed);
    }
  }

  /** What the Params of {@code stage} say. */
  static ScoringColumns of(ScoringParams<?> stage) {
    List<Output> outputs = new ArrayList<>();
    add(outputs, stage.getLogLikelihoodCol(), Content.LOG_LIKELIHOOD);
    add(outputs, stage.getTokenCountCol(), Content.TOKEN_COUNT);
    add(outputs, stage.getPerplexityCol(), Content.PERPLEXITY);
    add(outputs, stage.getGeneratedCol(), Content.GENERATED);
    return new ScoringColumns(
        stage.getInputCol(),
        stage.getPromptCol(),
        List.copyOf(outputs),
        new Generation(
            stage.getMaxNewTokens(),
            stage.getTemperature(),
            stage.getSamplingTopK(),
            stage.getSamplingTopP(),
            stage.getSamplingSeed()),
        stage.getBatchSize());
  }

  private static void add(List<Output> outputs, String name, Content content) {
    if (!name.isEmpty()) {
      outputs.add(new Output(name, content));
    }
  }

  /** Whether a column needs scores, not generated text alone. */
  boolean scores() {
    return outputs.stream().anyMatch(output -> output.content() != Content.GENERATED);
  }

  /**
   * {@code schema} and the columns to add.
   *
   * @throws IllegalArgumentException if the column of texts or prompts is not there or holds no
   *     strings, or a column to add is there
   */
  StructType addTo(StructType schema) {
    TextColumn.check(schema, "inputCol", input);
    if (!prompt.isEmpty()) {
      TextColumn.check(schema, "promptCol", prompt);
    }
    StructType result = schema;
    for (Output output : outputs) {
      TextColumn.checkNew(result, output.name());
      result = result.add(output.field());
    }
    return result;
  }
}
