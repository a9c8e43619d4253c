package org.sparkmoe.runtime;

import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.util.SerializableConfiguration;
import org.sparkmoe.data.DataCounts;
import org.sparkmoe.data.SequenceSpool;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.runtime.ui.RoutingAccumulators;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.MemoryPlan;
import org.sparkmoe.train.ScheduleSetup;
import org.sparkmoe.train.TrainSetup;
import org.sparkmoe.train.Trainer;
import org.sparkmoe.train.TrainingData;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingSummary;

/**
 * What a rank does in training.
 *
 * @param config the whole configuration
 * @param memory how much a rank will need
 * @param vocabSize V
 * @param validationBatch sequences of a global batch of validation data
 * @param validationCounts turns nats a token into bits per byte
 * @param hadoop finds the file systems
 * @param routing is added to by rank 0
 */
record TrainingBody(
    RunConfig config,
    MemoryPlan memory,
    int vocabSize,
    int validationBatch,
    DataCounts.Split validationCounts,
    SerializableConfiguration hadoop,
    RoutingAccumulators routing)
    implements RankBody<TrainingSummary> {

  @Override
  public Loaded<TrainingSummary> load(RankData data) {
    int dataParallel = config.cluster().topology().nDp();
    SequenceSpool train =
        new SequenceSpool(data.train(), limits(config.train().globalBatch() / dataParallel));
    try {
      return new Rank(
          this,
          train,
          new SequenceSpool(data.validation(), limits(validationBatch / dataParallel)));
    } catch (RuntimeException | Error e) {
      train.close();
      throw e;
    }
  }

  private SequenceSpool.Limits limits(int perBatch) {
    return new SequenceSpool.Limits(
        config.data().sequenceLength(),
        perBatch,
        config.data().seed(),
        config.data().spoolMemoryBytes(),
        Path.of(config.data().spoolDirectory()));
  }

  private record Rank(TrainingBody body, SequenceSpool trainSpool, SequenceSpool validation)
      implements Loaded<TrainingSummary> {

    @Override
    public TrainingSummary run(RankGroups groups, TrainingListener listener) {
      RunConfig config = body.config;
      RankDevice device = RankDevice.here(config.device());
      device.check(body.memory);
      ParameterInitializer initializer =
          new ParameterInitializer(
              config.train().seed(), config.train().precision(), device.device());
      Configuration hadoop = body.hadoop.value();
      TrainSetup setup =
          new TrainSetup(
              config.train(),
              config.checkpoint().inModelDirectory(config.output().directory()),
              config.health(),
              hadoop,
              new ScheduleSetup(config.schedule(), config.layerShape()),
              config.device().peakTflops());
      TrainingData data =
          new TrainingData(
              trainSpool,
              validation,
              body.validationBatch,
              body.validationCounts,
              config.data().sequenceLength());
      try (LanguageModel model =
              LanguageModel.create(
                  config.model(), config.moe(), body.vocabSize, groups, initializer);
          Trainer trainer = new Trainer(setup, model, groups, data, listener)) {
        return trainer.train();
      }
    }

    @Override
    public void close() {
      trainSpool.close();
      validation.close();
    }
  }
}
