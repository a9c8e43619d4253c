package org.sparkmoe.ml;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** A trainer that takes seconds, and made-up texts for it. */
final class TinyTrainer {
  private static final String[] WORDS = {"rank", "gate", "expert", "token", "spark", "naïve"};

  private TinyTrainer() {}

  static MoeLanguageModelTrainer create() {
    return new MoeLanguageModelTrainer()
        .setArchitecture("mixtral")
        .setLayers(2)
        .setHiddenSize(16)
        .setHeads(2)
        .setFeedForwardSize(32)
        .setMaxSequenceLength(32)
        .setExperts(4)
        .setGate("mixtral")
        .setExpert("mixtral")
        .setExpertHiddenSize(16)
        .setRanks(2)
        .setSequenceLength(32)
        .setValidationFraction(0.2)
        .setSteps(2)
        .setGlobalBatch(8)
        .setMicroBatch(2)
        .setLearningRate(1e-2)
        .setShowProgress(false)
        .setConfiguration("train { warmup-steps = 0, schedule = constant, evaluate-every = 0 }");
  }

  /**
   * {@code count} texts, no two the same, in the column {@code text} beside the column {@code id}.
   */
  static Dataset<Row> texts(SparkSession spark, int count) {
    Random random = new Random(11);
    List<String> texts = new ArrayList<>();
    for (int d = 0; d < count; d++) {
      StringBuilder text = new StringBuilder("text " + d);
      for (int w = random.nextInt(20); w >= 0; w--) {
        text.append(' ').append(WORDS[random.nextInt(WORDS.length)]);
      }
      texts.add(text.toString());
    }
    return spark
        .createDataset(texts, Encoders.STRING())
        .toDF("text")
        .selectExpr("cast(split(text, ' ')[1] as int) as id", "text")
        .coalesce(1);
  }
}
