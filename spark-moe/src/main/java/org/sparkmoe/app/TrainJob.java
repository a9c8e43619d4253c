package org.sparkmoe.app;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.sparkmoe.data.DataCounts;
import org.sparkmoe.data.DataPipeline;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.runtime.TerminalProgress;
import org.sparkmoe.runtime.TrainedModel;
import org.sparkmoe.runtime.TrainingRun;
import org.sparkmoe.runtime.report.ModelFlopsText;
import org.sparkmoe.train.GenerationConfig;
import org.sparkmoe.train.MemoryPlan;
import org.sparkmoe.train.TrainingStoppedException;
import org.sparkmoe.train.TrainingSummary;

/** One run of {@code train}: prepare, train, write and tell. */
final class TrainJob {
  private static final double TEMPERATURE = 0.8;
  private static final double TOP_P = 0.95;

  private final RunConfig config;
  private final String effectiveConfig;
  private final PrintWriter out;
  private final TerminalProgress progress;
  private double trigramBitsPerByte;

  /**
   * @param effectiveConfig {@code config} as HOCON text, for the model directory
   * @param out gets the results, as {@code progress} gets what happens on the way
   */
  TrainJob(RunConfig config, String effectiveConfig, PrintWriter out, TerminalProgress progress) {
    this.config = config;
    this.effectiveConfig = effectiveConfig;
    this.out = out;
    this.progress = progress;
  }

  /** Whether the model directory is complete: false if training was told to end before. */
  boolean run() throws IOException {
    try (Session session = Session.open(config.spark())) {
      TrainingRun training = new TrainingRun(session.spark(), config, effectiveConfig, progress);
      try (StopOnShutdown stop = StopOnShutdown.of(training::stop, config.restart())) {
        return run(session, training);
      }
    } finally {
      progress.end();
    }
  }

  private boolean run(Session session, TrainingRun training) throws IOException {
    try {
      TrainingSummary summary =
          training.run(() -> DataPipeline.prepare(session.spark(), config.data()), this::announce);
      progress.end();
      tell(summary);
      sample(session.spark().sparkContext().hadoopConfiguration());
      return true;
    } catch (TrainingStoppedException e) {
      progress.end();
      out.println(e.getMessage());
      out.flush();
      return false;
    }
  }

  private void announce(DataCounts counts, MemoryPlan plan) {
    trigramBitsPerByte = counts.trigramBitsPerByte();
    out.println(counts.describe());
    out.println(plan.describe());
    out.flush();
  }

  private void tell(TrainingSummary summary) {
    out.printf(
        Locale.ROOT,
        "trained %d steps in %.0f s, %,.0f tokens/s, %s%n",
        summary.steps(),
        summary.seconds(),
        summary.tokensPerSecond(),
        ModelFlopsText.of(summary.teraflops(), summary.mfu()));
    out.printf(
        Locale.ROOT,
        "validation: %.4f bits per byte; byte trigram with back-off: %.4f%n",
        summary.validation().bitsPerByte(),
        trigramBitsPerByte);
    out.println("model directory: " + config.output().directory());
    out.flush();
  }

  private void sample(Configuration hadoop) throws IOException {
    String directory = config.output().directory();
    String prompt = config.output().prompt();
    int tokens = config.output().sampleTokens();
    if (tokens > 0) {
      String text =
          TrainedModel.open(new Path(directory), List.of(), hadoop)
              .generate(prompt, new GenerationConfig(tokens, TEMPERATURE, 0, TOP_P, 1));
      out.printf("%nsample:%n%s%s%n", prompt, text);
    }
    out.printf(
        "%nmore: bin/spark-moe generate --model %s --prompt '%s'%n",
        directory, prompt.replace("'", "'\\''"));
    out.flush();
  }
}
