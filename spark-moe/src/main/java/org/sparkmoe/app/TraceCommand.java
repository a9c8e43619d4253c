package org.sparkmoe.app;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.schedule.sim.ChromeTrace;
import org.sparkmoe.schedule.sim.GanttChart;
import org.sparkmoe.schedule.sim.Timeline;
import org.sparkmoe.schedule.sim.TracedGraph;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows how the MoE layers of a job ran. */
@Command(
    name = "trace",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Shows when the tasks of a running or finished job's MoE layers ran in its latest step, beside"
          + " their prediction, and the share of communication that ran beside computation.",
      "With --svg or --trace both timelines are written to a picture or to a Chrome trace for"
          + " Perfetto."
    },
    footer = {
      "",
      "Examples:",
      "  spark-moe trace models/quickstart",
      "  spark-moe trace models/quickstart --layer 0 --svg step.svg"
    })
final class TraceCommand implements Callable<Integer> {
  /** Name in the model directory; {@code schedule.trace} says where training writes it. */
  private static final String FILE = "trace.json";

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "JOB",
      description = "Model directory or trace file, on any Hadoop file system.")
  private String job;

  @Option(names = "--layer", paramLabel = "N", description = "Shows one MoE layer only, from 0.")
  private @Nullable Integer layer;

  @Option(names = "--svg", paramLabel = "FILE", description = "Writes a Gantt chart.")
  private @Nullable Path svg;

  @Option(names = "--trace", paramLabel = "FILE", description = "Writes a Chrome trace.")
  private @Nullable Path trace;

  @Override
  public Integer call() throws IOException {
    OutputFile picture = OutputFile.of("--svg", svg);
    OutputFile file = OutputFile.of("--trace", trace);
    List<TracedGraph> graphs =
        TracedGraph.pair(read()).stream()
            .flatMap(graph -> layer == null ? Stream.of(graph) : graph.ofLayer(layer).stream())
            .toList();
    if (graphs.isEmpty()) {
      throw new RefusedException(
          "%s has no measured timeline%s"
              .formatted(job, layer == null ? "" : " of layer " + layer));
    }
    List<Timeline> both = graphs.stream().flatMap(graph -> graph.timelines().stream()).toList();
    picture.write(() -> GanttChart.of(both));
    file.write(() -> ChromeTrace.of(both));
    show(graphs, !picture.isWanted() && !file.isWanted(), spec.commandLine().getOut());
    return 0;
  }

  private List<Timeline> read() throws IOException {
    org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(job);
    FileSystem files = path.getFileSystem(new Configuration());
    if (files.exists(path) && files.getFileStatus(path).isDirectory()) {
      path = new org.apache.hadoop.fs.Path(path, FILE);
    }
    if (!files.exists(path)) {
      throw new RefusedException(
          path
              + " does not exist: a job writes it where experts are on several ranks of the CPU, from"
              + " its first logged step on, to schedule.trace");
    }
    try (InputStream in = files.open(path)) {
      return ChromeTrace.read(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IllegalArgumentException e) {
      throw new RefusedException("%s is no trace: %s".formatted(path, e.getMessage()));
    }
  }

  private static void show(List<TracedGraph> graphs, boolean text, PrintWriter out) {
    graphs.forEach(graph -> out.println(text ? graph : graph.summary()));
    out.printf(
        Locale.ROOT,
        "%.0f %% of communication hidden beside computation%n",
        100 * TracedGraph.hiddenCommunication(graphs.stream().map(TracedGraph::measured).toList()));
    out.flush();
  }
}
