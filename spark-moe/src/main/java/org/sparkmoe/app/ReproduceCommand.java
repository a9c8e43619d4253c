package org.sparkmoe.app;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.runtime.Build;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.schedule.reproduce.Experiment;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The paper's experiments on its two testbeds, simulated. */
@Command(
    name = "reproduce",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Simulates an experiment of the FSMoE paper on its two published testbeds and prints our"
            + " figures beside the published ones.",
    footer = {"", "Example:", "  spark-moe reproduce table5 --output docs/results/table5.md"})
final class ReproduceCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "EXPERIMENT", description = "One of ${COMPLETION-CANDIDATES}.")
  private Experiment experiment;

  @Option(
      names = "--testbeds",
      defaultValue = "conf/testbeds",
      paramLabel = "DIR",
      description = "Folder of a.conf and b.conf, default ${DEFAULT-VALUE}.")
  private Path testbeds;

  @Option(
      names = "--depth",
      defaultValue = "" + Experiment.DEFAULT_DEPTH,
      paramLabel = "N",
      converter = CountConverter.class,
      description = "Layers in each stack of configured layers, default ${DEFAULT-VALUE}.")
  private int depth;

  @Option(names = "--output", paramLabel = "FILE", description = "Writes the report there.")
  private @Nullable Path output;

  @Override
  public Integer call() throws IOException {
    OutputFile file = OutputFile.of("--output", output);
    List<Testbed> both =
        List.of(
            LayerOptions.testbed(testbeds.resolve("a.conf")),
            LayerOptions.testbed(testbeds.resolve("b.conf")));
    long start = System.nanoTime();
    String body = experiment.report(both, depth);
    String report = header((System.nanoTime() - start) / 1e9) + body;
    PrintWriter out = spec.commandLine().getOut();
    file.write(() -> report);
    out.println(file.isWanted() ? "written to " + output : report.stripTrailing());
    out.flush();
    return 0;
  }

  private String header(double seconds) {
    return """
        # Reproduction: %s

        Published figures are measurements of the paper; ours are simulations of the same schedules over
        the paper's cost models. Nothing is tuned but one interference coefficient a testbed, fitted to
        Table 5's means and used unchanged in the other experiments.

        Command `spark-moe reproduce %s --depth %d`, commit %s, %s, Java %s, %d processors, %.1f s.

        """
        .formatted(
            experiment,
            experiment,
            depth,
            Build.read().commit(),
            System.getProperty("os.name") + " " + System.getProperty("os.arch"),
            Runtime.version().feature(),
            Runtime.getRuntime().availableProcessors(),
            seconds);
  }
}
