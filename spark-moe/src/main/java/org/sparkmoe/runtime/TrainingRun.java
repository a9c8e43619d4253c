package org.sparkmoe.runtime;

import java.io.IOException;
import java.time.Instant;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.apache.spark.sql.SparkSession;
import org.sparkmoe.data.DataCounts;
import org.sparkmoe.data.PreparedData;
import org.sparkmoe.train.MemoryPlan;
import org.sparkmoe.train.TrainingStoppedException;
import org.sparkmoe.train.TrainingSummary;

/** Everything from data to a model directory, as the command line and the ML pipeline run it. */
public final class TrainingRun {
  private final SparkSession spark;
  private final RunConfig config;
  private final String configText;
  private final BarrierTraining training;
  private final Instant started = Instant.now();

  /**
   * @param configText {@code config} as HOCON text, for the model directory
   */
  public TrainingRun(
      SparkSession spark, RunConfig config, String configText, ProgressListener progress) {
    this.spark = spark;
    this.config = config;
    this.configText = configText;
    this.training = new BarrierTraining(spark, config, progress);
  }

  /**
   * Asks training, now or when it runs, for a last checkpoint, after which {@link #run} ends with a
   * {@link TrainingStoppedException}. May be called on any thread.
   */
  public void stop() {
    training.stop();
  }

  /**
   * Refuses what cannot run, prepares the data, trains, and publishes the model.
   *
   * @param prepare makes the data, which are released at the end
   * @param prepared hears what is known before training starts
   * @throws PreflightException if the job cannot run, or checkpoints are in the way
   * @throws TrainingFailedException if a rank fails for good
   * @throws TrainingStoppedException after {@link #stop}, or if Spark's user cancelled the job
   * @throws IOException if a file system cannot be reached or written
   */
  public TrainingSummary run(
      Supplier<PreparedData> prepare, BiConsumer<DataCounts, MemoryPlan> prepared)
      throws IOException {
    training.preflight();
    training.checkCheckpoints();
    training.checkInitialModel();
    try (PreparedData data = prepare.get()) {
      prepared.accept(data.counts(), training.memoryPlan());
      TrainingSummary summary = training.train(data);
      new ModelPublication(spark.sparkContext(), config, configText)
          .publish(data.counts(), summary, started);
      return summary;
    }
  }
}
