package org.sparkmoe.ml;

import static org.apache.spark.sql.functions.col;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.runtime.SparkFixture;

@ExtendWith(SparkFixture.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MoeLanguageModelTest {
  @TempDir private Path folder;
  private final SparkSession spark;
  private Dataset<Row> texts;
  private PipelineModel pipeline;
  private MoeLanguageModel model;

  MoeLanguageModelTest(SparkSession spark) {
    this.spark = spark;
  }

  @BeforeAll
  void trainInOneFit() {
    texts = TinyTrainer.texts(spark, 60).cache();
    MoeLanguageModelTrainer trainer = TinyTrainer.create().setInputCol("normalized");
    PipelineStage[] stages = {
      new TextNormalizer(), new ExactDeduplicator().setInputCol("normalized"), trainer
    };
    pipeline = new Pipeline().setStages(stages).fit(texts.union(texts));
    model = (MoeLanguageModel) pipeline.stages()[2];
    assertThat(model.uid()).isEqualTo(trainer.uid());
    assertThat(model.parent()).isNotNull();
  }

  private static List<Row> byId(Dataset<Row> scored) {
    return scored.orderBy("id").collectAsList();
  }

  @Test
  void aPipelineScoresEveryText() {
    List<Row> rows = byId(pipeline.transform(texts));
    assertThat(rows).hasSize(60);
    for (Row row : rows) {
      String text = row.getAs("text");
      long bytes = text.getBytes(StandardCharsets.UTF_8).length;
      double logLikelihood = row.getAs("logLikelihood");
      assertThat(row.<Long>getAs("tokenCount")).isEqualTo(bytes);
      assertThat(logLikelihood).isNegative();
      assertThat(row.<Double>getAs("perplexity"))
          .isCloseTo(Math.exp(-logLikelihood / bytes), within(1e-9));
    }
  }

  @Test
  void scoresDependNeitherOnBatchesNorOnPartitions() {
    Dataset<Row> input = texts.withColumnRenamed("text", "normalized");
    List<Row> together = byId(model.transform(input.coalesce(1)));
    MoeLanguageModel alone = model.copy(ParamMap.empty()).setBatchSize(1);
    List<Row> apart = byId(alone.transform(input.repartition(3)));
    for (int i = 0; i < together.size(); i++) {
      assertThat(apart.get(i).<Double>getAs("logLikelihood"))
          .isCloseTo(together.get(i).<Double>getAs("logLikelihood"), within(1e-3));
    }
  }

  @Test
  void whatIsSavedScoresTheSame() throws IOException {
    String path = folder.resolve("pipeline").toString();
    pipeline.write().overwrite().save(path);
    PipelineModel loaded = PipelineModel.load(path);
    assertThat(byId(loaded.transform(texts))).isEqualTo(byId(pipeline.transform(texts)));
    MoeLanguageModel copy = (MoeLanguageModel) loaded.stages()[2];
    assertThat(copy.modelDirectory()).contains("pipeline/stages/2_");
    assertThat(copy.getInputCol()).isEqualTo("normalized");
    try (Stream<Path> files = Files.walk(folder.resolve("pipeline"))) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .contains("model.safetensors", "config.conf", "metadata")
          .doesNotContain("checkpoints");
    }
  }

  @Test
  void textIsGeneratedTheSameOnEveryRun() {
    MoeLanguageModel writer =
        model
            .copy(ParamMap.empty())
            .setInputCol("text")
            .setGeneratedCol("generated")
            .setMaxNewTokens(5)
            .setLogLikelihoodCol("")
            .setTokenCountCol("")
            .setPerplexityCol("");
    Dataset<Row> few = texts.filter(col("id").lt(3));
    Dataset<Row> generated = writer.transform(few);
    assertThat(generated.columns()).containsExactly("id", "text", "generated");
    assertThat(byId(generated)).isEqualTo(byId(writer.transform(few.repartition(2))));
  }

  @Test
  void fitShowsItsProgressAndLearnsAnswersAfterTheirPrompts() {
    Dataset<Row> pairs = texts.selectExpr("id", "concat('ask ', id, ' ') as ask", "text");
    PrintStream before = System.err;
    ByteArrayOutputStream shown = new ByteArrayOutputStream();
    MoeLanguageModel prompted;
    System.setErr(new PrintStream(shown, true, StandardCharsets.UTF_8));
    try {
      prompted = TinyTrainer.create().setPromptCol("ask").setShowProgress(true).fit(pairs);
    } finally {
      System.setErr(before);
    }
    assertThat(shown.toString(StandardCharsets.UTF_8))
        .contains(
            "training ",
            "step 2/2  loss ",
            " tokens/s  ",
            "FLOP/s a rank",
            "  ETA 0:00  imbalance ");
    assertThat(prompted.getPromptCol()).isEqualTo("ask");
    List<Row> with = byId(prompted.transform(pairs));
    List<Row> without = byId(prompted.copy(ParamMap.empty()).setPromptCol("").transform(pairs));
    for (int i = 0; i < with.size(); i++) {
      String text = with.get(i).getAs("text");
      assertThat(with.get(i).<Long>getAs("tokenCount"))
          .isEqualTo(text.getBytes(StandardCharsets.UTF_8).length)
          .isEqualTo(without.get(i).<Long>getAs("tokenCount"));
      assertThat(with.get(i).<Double>getAs("logLikelihood"))
          .isNotEqualTo(without.get(i).<Double>getAs("logLikelihood"));
    }
  }

  @Test
  void nullAndEmptyTextsHaveNoPerplexity() {
    StructType schema = new StructType().add("normalized", DataTypes.StringType);
    Dataset<Row> odd =
        spark.createDataFrame(
            List.of(
                RowFactory.create("a"), RowFactory.create(""), RowFactory.create((Object) null)),
            schema);
    List<Row> rows = model.transform(odd.coalesce(1)).collectAsList();
    assertThat(rows.get(0).getAs("perplexity").toString()).isNotEmpty();
    assertThat(rows.get(1)).isEqualTo(RowFactory.create("", 0.0, 0L, null));
    assertThat(rows.get(2)).isEqualTo(RowFactory.create(null, null, null, null));
  }

  @Test
  void columnsAreCheckedBeforeAnythingRuns() {
    assertThatThrownBy(() -> model.transform(texts))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("inputCol is \"normalized\", must be one of the columns [id, text]");
    assertThatThrownBy(() -> model.transform(texts.withColumn("normalized", col("id"))))
        .hasMessage("inputCol: column \"normalized\" is of type int, must be string");
    assertThatThrownBy(
            () -> model.transform(texts.selectExpr("text as normalized", "id as perplexity")))
        .hasMessageContaining("column \"perplexity\" is there already");
  }

  @Test
  void theEvaluatorTakesAllRowsTogether() {
    Dataset<Row> scored = pipeline.transform(texts).cache();
    double sum = 0;
    long tokens = 0;
    for (Row row : scored.collectAsList()) {
      sum += row.<Double>getAs("logLikelihood");
      tokens += row.<Long>getAs("tokenCount");
    }
    assertThat(new PerplexityEvaluator().evaluate(scored))
        .isCloseTo(Math.exp(-sum / tokens), within(1e-9));
    assertThatThrownBy(() -> new PerplexityEvaluator().evaluate(scored.limit(0)))
        .hasMessageContaining("no tokens to evaluate on");
  }

  @Test
  void aModelDirectoryOfTheCommandLineIsAModel() {
    MoeLanguageModel same = MoeLanguageModel.fromModelDirectory(model.modelDirectory());
    assertThat(byId(same.transform(texts)))
        .isEqualTo(byId(model.transform(texts.withColumnRenamed("text", "normalized"))));
  }
}
