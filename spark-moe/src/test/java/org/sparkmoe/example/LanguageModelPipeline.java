package org.sparkmoe.example;

import java.io.IOException;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.sparkmoe.ml.ExactDeduplicator;
import org.sparkmoe.ml.MoeLanguageModelTrainer;
import org.sparkmoe.ml.PerplexityEvaluator;
import org.sparkmoe.ml.TextNormalizer;

/** The Spark program of the manual: preprocessing and training in one fit. */
public final class LanguageModelPipeline {
  private LanguageModelPipeline() {}

  /** Takes a folder of texts and a new directory for the pipeline. */
  public static void main(String[] args) throws IOException {
    SparkSession spark = SparkSession.builder().appName("language model").getOrCreate();
    Dataset<Row> texts = spark.read().option("wholetext", true).text(args[0]).toDF("text");

    MoeLanguageModelTrainer trainer =
        new MoeLanguageModelTrainer()
            .setInputCol("normalized")
            .setRanks(2)
            .setLayers(2)
            .setHiddenSize(64)
            .setExperts(4)
            .setSequenceLength(64)
            .setSteps(20)
            .setConfiguration("train { warmup-steps = 5, final-evaluate-batches = 2 }");
    PipelineStage[] stages = {
      new TextNormalizer(), new ExactDeduplicator().setInputCol("normalized"), trainer
    };
    new Pipeline().setStages(stages).fit(texts).write().overwrite().save(args[1]);

    Dataset<Row> scored = PipelineModel.load(args[1]).transform(texts.limit(20));
    scored.select("logLikelihood", "tokenCount", "perplexity").show(5);
    System.out.println("perplexity: " + new PerplexityEvaluator().evaluate(scored));
    spark.stop();
  }
}
