package org.sparkmoe.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.ml.tuning.TrainValidationSplit;
import org.apache.spark.ml.tuning.TrainValidationSplitModel;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.runtime.PreflightException;
import org.sparkmoe.runtime.SparkFixture;

@ExtendWith(SparkFixture.class)
class ModelSelectionTest {
  @TempDir private Path folder;
  private final SparkSession spark;
  private final MoeLanguageModelTrainer trainer = TinyTrainer.create().setRanks(1);
  private final ParamMap[] grid =
      new ParamGridBuilder().addGrid(trainer.learningRate(), new double[] {1e-9, 1e-2}).build();

  ModelSelectionTest(SparkSession spark) {
    this.spark = spark;
  }

  @Test
  void crossValidationPrefersTheRateThatLearns() throws IOException {
    CrossValidatorModel chosen =
        new CrossValidator()
            .setEstimator(trainer)
            .setEvaluator(new PerplexityEvaluator())
            .setEstimatorParamMaps(grid)
            .setNumFolds(2)
            .fit(TinyTrainer.texts(spark, 60));
    assertThat(chosen.avgMetrics()[1]).isLessThan(chosen.avgMetrics()[0]);
    MoeLanguageModel best = (MoeLanguageModel) chosen.bestModel();
    assertThat(((MoeLanguageModelTrainer) best.parent()).getLearningRate()).isEqualTo(1e-2);

    String path = folder.resolve("chosen").toString();
    chosen.write().save(path);
    CrossValidatorModel loaded = CrossValidatorModel.load(path);
    assertThat(loaded.avgMetrics()).isEqualTo(chosen.avgMetrics());
    assertThat(((MoeLanguageModelTrainer) loaded.getEstimator()).getExperts()).isEqualTo(4);
    assertThat(loaded.transform(TinyTrainer.texts(spark, 4)).collectAsList())
        .isEqualTo(chosen.transform(TinyTrainer.texts(spark, 4)).collectAsList());
  }

  @Test
  void aTrainValidationSplitPrefersTheRateThatLearns() {
    TrainValidationSplitModel chosen =
        new TrainValidationSplit()
            .setEstimator(trainer)
            .setEvaluator(new PerplexityEvaluator())
            .setEstimatorParamMaps(grid)
            .setTrainRatio(0.7)
            .fit(TinyTrainer.texts(spark, 60));
    assertThat(chosen.validationMetrics()[1]).isLessThan(chosen.validationMetrics()[0]);
  }

  @Test
  void aModelDirectoryThatWasNamedIsNotWrittenOver() {
    trainer.setOutputDirectory(folder.resolve("named").toString());
    MoeLanguageModel model = trainer.fit(TinyTrainer.texts(spark, 60));
    assertThat(folder.resolve("named")).isDirectoryContaining("glob:**/model.safetensors");
    assertThat(model.modelDirectory()).endsWith("/named");
    assertThatThrownBy(() -> trainer.fit(TinyTrainer.texts(spark, 60)))
        .isInstanceOf(PreflightException.class)
        .hasMessageContaining("holds checkpoints");
  }
}
