package org.sparkmoe.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.conf.ConfigurationException;
import org.sparkmoe.runtime.SparkFixture;

@ExtendWith(SparkFixture.class)
class TrainerParamsTest {
  private static final StructType TEXT = new StructType().add("text", DataTypes.StringType);

  @TempDir private Path folder;

  private final SparkSession spark;

  TrainerParamsTest(SparkSession spark) {
    this.spark = spark;
  }

  @Test
  void defaultsAndDocumentationAreThoseOfTheConfiguration() {
    MoeLanguageModelTrainer trainer = new MoeLanguageModelTrainer();
    assertThat(trainer.getExperts()).isEqualTo(8);
    assertThat(trainer.getCapacityFactor()).isEqualTo("1.25");
    assertThat(trainer.getLearningRate()).isEqualTo(1e-3);
    assertThat(trainer.getSeed()).isEqualTo(1);
    assertThat(trainer.getResume()).isFalse();
    assertThat(trainer.hasDefault(trainer.ep())).isFalse();
    assertThat(trainer.explainParam(trainer.experts()))
        .isEqualTo(
            "experts: E, experts of one layer; cluster.ep must divide it (moe.experts) (default: 8)");
    assertThat(trainer.ep().doc()).startsWith("N_EP, ranks that share out the experts; mp, ep");
    for (Param<?> param : trainer.params()) {
      assertThat(param.doc())
          .as(param.name())
          .hasSizeGreaterThan(10)
          .isEqualTo(param.doc().strip());
    }
  }

  @Test
  void aParamGoesOverTheConfigurationAndThatOverTheDefault() {
    MoeLanguageModelTrainer trainer =
        new MoeLanguageModelTrainer()
            .setRanks(2)
            .setConfiguration(Map.of("moe.experts", 7, "cluster.ep", 2, "cluster.ranks", 1));
    assertThatThrownBy(() -> trainer.transformSchema(TEXT))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("moe.experts is 7, must be a multiple of cluster.ep = 2");
    assertThat(trainer.setExperts(6).transformSchema(TEXT).fieldNames())
        .containsExactly("text", "logLikelihood", "tokenCount", "perplexity");
  }

  @Test
  void wrongValuesAreRefusedAtOnceOrTogether() {
    MoeLanguageModelTrainer trainer = new MoeLanguageModelTrainer();
    assertThatThrownBy(() -> trainer.setExperts(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("experts given invalid value 0");
    trainer.setGlobalBatch(9).setPrecision("f8").setConfiguration("moe.expert = 1\nnonsense = 2");
    assertThatThrownBy(() -> trainer.transformSchema(TEXT))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("nonsense is not a key")
        .hasMessageContaining("train.precision");
    assertThatThrownBy(() -> new MoeLanguageModelTrainer().transformSchema(new StructType()))
        .hasMessage("inputCol is \"text\", must be one of the columns []");
  }

  @Test
  void valuesWithEveryCharacterReachTheConfiguration() {
    MoeLanguageModelTrainer trainer = new MoeLanguageModelTrainer();
    trainer.setOutputDirectory("a \"b\" {c} [d] $e\\f");
    assertThat(trainer.transformSchema(TEXT).length()).isEqualTo(4);
  }

  @Test
  void promptsAreAColumnOfTheData() {
    StructType pairs = TEXT.add("ask", DataTypes.StringType).add("id", DataTypes.IntegerType);
    MoeLanguageModelTrainer trainer = new MoeLanguageModelTrainer();
    assertThat(trainer.setPromptCol("ask").transformSchema(pairs).length()).isEqualTo(6);
    assertThatThrownBy(() -> trainer.setPromptCol("none").transformSchema(pairs))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("\"none\", must be one of the columns [text, ask, id]");
    assertThatThrownBy(() -> trainer.setPromptCol("id").transformSchema(pairs))
        .hasMessageContaining("column \"id\" is of type int, must be string");
    assertThatThrownBy(
            () ->
                new MoeLanguageModelTrainer()
                    .setConfiguration("data.prompt-column = gone")
                    .transformSchema(pairs))
        .hasMessageContaining("data.prompt-column is \"gone\"");
  }

  @Test
  void aStreamIsRefusedWithWhatToDoInstead() {
    Dataset<Row> stream = spark.readStream().format("rate").load().selectExpr("'a' as text");
    assertThatThrownBy(() -> new MoeLanguageModelTrainer().fit(stream))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the Dataset is a stream, must end: write the stream to a table")
        .hasMessageContaining("foreachBatch");
  }

  @Test
  void aCopyHasItsOwnValues() {
    MoeLanguageModelTrainer trainer = new MoeLanguageModelTrainer().setSteps(5);
    MoeLanguageModelTrainer copy =
        trainer.copy(new ParamMap().put(trainer.steps(), 6).put(trainer.gate(), "switch"));
    assertThat(copy.getSteps()).isEqualTo(6);
    assertThat(copy.getGate()).isEqualTo("switch");
    assertThat(copy.uid()).isEqualTo(trainer.uid());
    assertThat(trainer.getSteps()).isEqualTo(5);
  }

  @Test
  void everyStageIsSavedAndLoaded() throws IOException {
    MoeLanguageModelTrainer trainer =
        TinyTrainer.create().setSeed(1L << 40).setResume(true).setCapacityFactor("*");
    trainer.write().save(path("trainer"));
    MoeLanguageModelTrainer loaded = MoeLanguageModelTrainer.load(path("trainer"));
    assertThat(loaded.explainParams()).isEqualTo(trainer.explainParams());
    assertThat(loaded.uid()).isEqualTo(trainer.uid());

    new TextNormalizer().setOutputCol("clean").save(path("normalizer"));
    assertThat(TextNormalizer.load(path("normalizer")).getOutputCol()).isEqualTo("clean");
    new ExactDeduplicator().setInputCol("clean").save(path("deduplicator"));
    assertThat(ExactDeduplicator.load(path("deduplicator")).getInputCol()).isEqualTo("clean");
    new PerplexityEvaluator().setTokenCountCol("n").save(path("evaluator"));
    assertThat(PerplexityEvaluator.load(path("evaluator")).getTokenCountCol()).isEqualTo("n");
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }
}
