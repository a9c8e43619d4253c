package org.sparkmoe.app;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.sparkmoe.data.DataPipeline;
import org.sparkmoe.data.PreparedData;
import org.sparkmoe.runtime.RunConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The data pipeline alone. */
@Command(
    name = "prepare",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Reads, cleans, deduplicates, tokenizes and packs the text of data.paths, and writes the"
          + " sequences as Parquet.",
      "Train on them with data.format=prepared and data.paths=DIR."
    },
    footer = {
      "",
      "Example:",
      "  spark-moe prepare --conf conf/quickstart.conf --output prepared/quickstart"
    })
final class PrepareCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ConfigOptions options;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "New directory for the sequences, on any Hadoop file system.")
  private String output;

  @Override
  public Integer call() {
    RunConfig config = RunConfig.bind(options.source(java.util.List.of()));
    PrintWriter out = spec.commandLine().getOut();
    try (Session session = Session.open(config.spark());
        PreparedData data = DataPipeline.prepare(session.spark(), config.data())) {
      data.write(session.spark(), output, config.data());
      out.println(data.counts().describe());
      out.println("prepared data: " + output);
      out.flush();
    }
    return 0;
  }
}
