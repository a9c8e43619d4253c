package org.sparkmoe.app;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.sparkmoe.data.DataPipeline;
import org.sparkmoe.data.PreparedData;
import org.sparkmoe.runtime.BarrierTraining;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.runtime.TerminalProgress;
import org.sparkmoe.train.EvaluationMetrics;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A trained model's loss on held-out text. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures a trained model on the validation part of data.paths: by default the text that was"
          + " held out in its training."
    },
    footer = {
      "",
      "Examples:",
      "  spark-moe evaluate --model models/quickstart",
      "  spark-moe evaluate --model models/quickstart --set data.paths=/texts/other.jar"
          + " --set data.validation-fraction=0.99"
    })
final class EvaluateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "Model directory, on any Hadoop file system that all ranks reach.")
  private String model;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Sets one key over the configuration of the model; may be repeated.")
  private List<String> assignments = new ArrayList<>();

  @Override
  public Integer call() {
    RunConfig config = ModelOption.open(model, assignments, new Configuration()).config();
    TerminalProgress progress =
        new TerminalProgress(spec.commandLine().getErr(), System.console() != null);
    try (Session session = Session.open(config.spark())) {
      BarrierTraining job = new BarrierTraining(session.spark(), config, progress);
      job.preflight();
      try (PreparedData data = DataPipeline.prepare(session.spark(), config.data())) {
        EvaluationMetrics metrics = job.evaluate(data, model, assignments);
        progress.end();
        tell(metrics, data.counts().trigramBitsPerByte());
      }
    } finally {
      progress.end();
    }
    return 0;
  }

  private void tell(EvaluationMetrics metrics, double trigramBitsPerByte) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "%,d tokens: loss %.4f, perplexity %.3f, %.4f bits per byte;"
            + " byte trigram with back-off: %.4f%n",
        metrics.tokens(),
        metrics.loss(),
        metrics.perplexity(),
        metrics.bitsPerByte(),
        trigramBitsPerByte);
    out.flush();
  }
}
