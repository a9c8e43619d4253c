package org.sparkmoe.app;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.runtime.TerminalProgress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Text to a trained model. */
@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Trains a language model on the text of data.paths and leaves a model directory at"
          + " output.directory: weights, configuration, tokenizer, training log, plots, report,"
          + " provenance and checkpoints."
    },
    footer = {
      "",
      "Examples:",
      "  spark-moe train --conf conf/quickstart.conf",
      "  spark-moe train --conf conf/quickstart.conf --set train.steps=1000 --resume"
    })
final class TrainCommand implements Callable<Integer> {
  private static final int STOPPED = 3;

  @Spec private CommandSpec spec;
  @Mixin private ConfigOptions options;

  @Option(
      names = "--resume",
      description = "Go on from the newest checkpoint of this model directory (checkpoint.resume).")
  private boolean resume;

  @Override
  public Integer call() throws IOException {
    ConfigSource source = options.source(resume ? List.of("checkpoint.resume=true") : List.of());
    RunConfig config = RunConfig.bind(source);
    TerminalProgress progress =
        new TerminalProgress(spec.commandLine().getErr(), System.console() != null);
    boolean complete =
        new TrainJob(config, source.render(), spec.commandLine().getOut(), progress).run();
    return complete ? 0 : STOPPED;
  }
}
