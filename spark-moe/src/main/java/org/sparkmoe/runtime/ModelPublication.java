package org.sparkmoe.runtime;

import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.sparkmoe.data.DataCounts;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.runtime.report.ModelFlopsText;
import org.sparkmoe.runtime.report.Plots;
import org.sparkmoe.runtime.report.TrainingHistory;
import org.sparkmoe.runtime.report.TrainingReport;
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
   * Writes weights, configuration, tokenizer, training log, provenance, plots and report.
   *
   * @param started when the command began
   * @throws IOException if the checkpoint cannot be read or the directory not be written
   */
  public void publish(DataCounts counts, TrainingSummary summary, Instant started)
      throws IOException {
    Configuration hadoop = context.hadoopConfiguration();
    Path directory = new Path(config.output().directory());
    String provenance = Provenance.of(context, config, counts, started, summary).toJson();
    ModelDirectory.Contents contents =
        new ModelDirectory.Contents(
            configText, TokenizerSpec.resolve(config.data().tokenizer(), hadoop), provenance);
    ModelDirectory published =
        ModelDirectory.publish(directory, new Path(summary.checkpoint()), contents, hadoop);
    TrainingHistory history = TrainingHistory.of(published.trainingLog());
    new TrainingReport(
            "Training of " + directory.getName(),
            results(summary, counts),
            data(counts),
            Plots.of(history, OptionalDouble.of(counts.trigramNatsPerToken())),
            configText,
            provenance)
        .write(directory, hadoop);
  }

  private static Map<String, String> results(TrainingSummary summary, DataCounts counts) {
    Map<String, String> rows = new LinkedHashMap<>();
    rows.put("steps", text("%,d", summary.steps()));
    rows.put("steps skipped, gradient not finite", text("%,d", summary.skippedSteps()));
    rows.put("training loss, last step", text("%.4f nats a token", summary.loss()));
    rows.put("validation loss", text("%.4f nats a token", summary.validation().loss()));
    rows.put("validation perplexity", text("%.2f", summary.validation().perplexity()));
    rows.put("validation", text("%.4f bits per byte", summary.validation().bitsPerByte()));
    rows.put(
        "byte trigram with back-off, validation",
        text("%.4f bits per byte", counts.trigramBitsPerByte()));
    rows.put("throughput", text("%,.0f tokens/s", summary.tokensPerSecond()));
    rows.put("model FLOPs", ModelFlopsText.of(summary.teraflops(), summary.mfu()));
    rows.put("time", text("%,.0f s", summary.seconds()));
    return rows;
  }

  private static Map<String, String> data(DataCounts counts) {
    Map<String, String> rows = new LinkedHashMap<>();
    for (String line : counts.describe().split("\n")) {
      int colon = line.indexOf(": ");
      rows.put(line.substring(0, colon), line.substring(colon + 2));
    }
    return rows;
  }

  private static String text(String format, Object value) {
    return String.format(Locale.ROOT, format, value);
  }
}
