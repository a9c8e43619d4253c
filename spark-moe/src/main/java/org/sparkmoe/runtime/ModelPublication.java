package org.sparkmoe.runtime;

import java.io.IOException;
import java.time.Instant;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.sparkmoe.data.DataCounts;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.train.ModelDirectory;
import org.sparkmoe.train.TrainingSummary;

/** Makes the model directory out of the last checkpoint. */
public final class ModelPublication {
  private final SparkContext context;
  private final RunConfig config;
  private final String configText;

  /**
   * @param configText {@code config} as HOCON text
   */
  public ModelPublication(SparkContext context, RunConfig config, String configText) {
    this.context = context;
    this.config = config;
    this.configText = configText;
  }

  /**
   * Writes weights, configuration, tokenizer, training log, provenance and loss plots.
   *
   * @param started when the command began
   * @throws IOException if the checkpoint cannot be read or the directory not be written
   */
  public void publish(DataCounts counts, TrainingSummary summary, Instant started)
      throws IOException {
    Configuration hadoop = context.hadoopConfiguration();
    Path directory = new Path(config.output().directory());
    ModelDirectory.Contents contents =
        new ModelDirectory.Contents(
            configText,
            TokenizerSpec.resolve(config.data().tokenizer(), hadoop),
            Provenance.of(context, config, counts, started, summary).toJson());
    ModelDirectory published =
        ModelDirectory.publish(directory, new Path(summary.checkpoint()), contents, hadoop);
    new LossPlot(LossCurve.of(published.trainingLog()), trigramLoss(counts))
        .write(directory, hadoop);
  }

  /** Nats a token at which a model has the bits per byte of the byte trigram model. */
  private static double trigramLoss(DataCounts counts) {
    return counts.trigramBitsPerByte() / counts.validation().bitsPerByte(1);
  }
}
