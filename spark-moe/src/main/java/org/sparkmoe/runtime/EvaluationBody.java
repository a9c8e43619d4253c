package org.sparkmoe.runtime;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.util.SerializableConfiguration;
import org.sparkmoe.data.DataCounts;
import org.sparkmoe.data.SequenceSpool;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.Evaluator;
import org.sparkmoe.train.TrainingData;
import org.sparkmoe.train.TrainingListener;

/**
 * What a rank does in an evaluation.
 *
 * @param config the whole configuration
 * @param model the model directory
 * @param assignments over the model's own configuration
 * @param validationBatch sequences of a global batch of validation data
 * @param validationCounts turns nats a token into bits per byte
 * @param hadoop finds the file systems
 */
record EvaluationBody(
    RunConfig config,
    String model,
    List<String> assignments,
    int validationBatch,
    DataCounts.Split validationCounts,
    SerializableConfiguration hadoop)
    implements RankBody<EvaluationMetrics> {

  @Override
  public Loaded<EvaluationMetrics> load(RankData data) {
    int dataParallel = config.cluster().topology().nDp();
    SequenceSpool.Limits limits =
        new SequenceSpool.Limits(
            config.data().sequenceLength(),
            validationBatch / dataParallel,
            config.data().seed(),
            config.data().spoolMemoryBytes(),
            Path.of(config.data().spoolDirectory()));
    return new Rank(this, new SequenceSpool(data.validation(), limits));
  }

  private record Rank(EvaluationBody body, SequenceSpool validation)
      implements Loaded<EvaluationMetrics> {

    @Override
    public EvaluationMetrics run(RankGroups groups, TrainingListener listener) {
      try (LanguageModel loaded =
          TrainedModel.open(
                  new org.apache.hadoop.fs.Path(body.model), body.assignments, body.hadoop.value())
              .load(groups, RankDevice.here(body.config.device()).device())) {
        TrainingData data =
            new TrainingData(
                validation,
                validation,
                body.validationBatch,
                body.validationCounts,
                body.config.data().sequenceLength());
        return new Evaluator(loaded, groups, data, body.config.train().microBatch())
            .evaluate(0, body.config.train().finalEvaluateBatches());
      } catch (IOException e) {
        throw new UncheckedIOException("%s cannot be loaded".formatted(body.model), e);
      }
    }

    @Override
    public void close() {
      validation.close();
    }
  }
}
