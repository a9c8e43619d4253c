package org.sparkmoe.app;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.runtime.BarrierTraining;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.runtime.TerminalProgress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures the cost models of a run. */
@Command(
    name = "profile",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Starts the ranks of a configuration, measures their collectives, experts and attention"
          + " and prints the fitted cost models with r2.",
      "The output is what plan and simulate read with --models."
    },
    footer = {
      "",
      "Example:",
      "  spark-moe profile --conf conf/quickstart.conf --set cluster.ranks=2 --output measured.conf"
    })
final class ProfileCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ConfigOptions options;

  @Option(names = "--output", paramLabel = "FILE", description = "Writes the cost models there.")
  private @Nullable Path output;

  @Override
  public Integer call() throws IOException {
    OutputFile file = OutputFile.of("--output", output);
    RunConfig config = RunConfig.bind(options.source(List.of()));
    if (config.model().moeLayerCount() == 0) {
      throw new RefusedException("model.moe-layers is none: there are no experts to measure");
    }
    PrintWriter out = spec.commandLine().getOut();
    TerminalProgress progress =
        new TerminalProgress(spec.commandLine().getErr(), System.console() != null);
    try (Session session = Session.open(config.spark())) {
      BarrierTraining job = new BarrierTraining(session.spark(), config, progress);
      job.preflight();
      String models = job.profile();
      progress.end();
      out.print(models);
      out.flush();
      file.write(() -> models);
    } finally {
      progress.end();
    }
    return 0;
  }
}
