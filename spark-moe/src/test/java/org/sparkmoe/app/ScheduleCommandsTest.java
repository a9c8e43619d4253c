package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.sim.ChromeTrace;
import org.sparkmoe.schedule.sim.Timeline;
import picocli.CommandLine;

class ScheduleCommandsTest {
  private static final List<String> MODEL =
      List.of(
          "--models",
          "../conf/testbeds/b.conf",
          "--set",
          "model.hidden-size=1024",
          "--set",
          "model.layers=2",
          "--set",
          "moe.hidden-size=4096",
          "--set",
          "data.sequence-length=512");

  @TempDir private Path folder;

  @Test
  void planShowsEveryPolicy() {
    String text = run(new PlanCommand(), List.of());
    for (PolicyName policy : PolicyName.values()) {
      assertThat(text).contains("\n" + policy + " ");
    }
  }

  @Test
  void simulateDrawsAndTraces() throws IOException {
    Path svg = folder.resolve("step.svg");
    Path trace = folder.resolve("step.json");
    String text =
        run(
            new SimulateCommand(),
            List.of(
                "--policy", "tutel,best", "--svg", svg.toString(), "--trace", trace.toString()));
    assertThat(text)
        .contains("tutel-forward", "of communication hidden")
        .doesNotContain("f0.dispatch.0");
    assertThat(Files.readString(svg)).startsWith("<svg").contains("tutel-backward");
    assertThat(Files.readString(trace)).startsWith("{\"traceEvents\"");
  }

  @Test
  void simulatePrintsTimelinesAndWhatTheyHide() {
    assertThat(run(new SimulateCommand(), List.of("--policy", "tutel")))
        .contains("timeline tutel-forward", "f0.dispatch.0", "of communication hidden");
  }

  @Test
  void traceLaysMeasuredAndPredictedSideBySide() throws IOException {
    Timeline predicted = timeline("predicted fsmoe-forward-0", 2);
    Files.writeString(
        folder.resolve("trace.json"),
        ChromeTrace.of(
            List.of(
                timeline("measured fsmoe-forward-0", 4),
                timeline("measured fsmoe-forward-1", 4),
                predicted)));
    String text = execute(new TraceCommand(), List.of(folder.toString(), "--layer", "0"));
    assertThat(text)
        .contains("4.000 ms measured,      2.000 ms predicted (-50 %)")
        .contains("     1.000      4.000       1.000      2.000  compute     expert.0")
        .contains("75 % of communication hidden beside computation")
        .doesNotContain("forward-1");
    Path svg = folder.resolve("step.svg");
    execute(new TraceCommand(), List.of(folder.toString(), "--svg", svg.toString()));
    assertThat(Files.readString(svg))
        .contains("measured fsmoe-forward-1")
        .contains("predicted fsmoe-forward-0");
  }

  @Test
  void traceFindsALayersTasksInAGraphOfWholeBlocks() throws IOException {
    Timeline blocks =
        new Timeline(
            "measured best-forward",
            List.of(
                new Span("f0.attention.1", Lane.COMPUTE, 0, 2),
                new Span("f0.dispatch.0", Lane.INTER_NODE, 1, 3),
                new Span("f1.attention.0", Lane.COMPUTE, 3, 4)));
    Files.writeString(folder.resolve("trace.json"), ChromeTrace.of(List.of(blocks)));
    String text = execute(new TraceCommand(), List.of(folder.toString(), "--layer", "0"));
    assertThat(text)
        .contains("f0.attention.1", "f0.dispatch.0", "50 % of communication hidden")
        .doesNotContain("f1.attention.0");
  }

  @Test
  void numbersOutOfRangeAreRefusedBeforeAnythingIsSimulated() {
    assertRefused(
        "Invalid value for option '--interference' (SHARE): '-1.0', must be a number from 0",
        simulate("--interference", "-1"));
    for (String command : List.of("plan", "simulate")) {
      assertRefused(
          "Invalid value for option '--max-degree': '0', must be a whole number from 1",
          command(command, "--max-degree", "0"));
    }
    assertRefused(
        "Invalid value for option '--depth': '0', must be a whole number from 1",
        List.of("reproduce", "table6", "--depth", "0"));
  }

  @Test
  void fileThatCannotBeWrittenIsRefusedBeforeTheWorkForIt() {
    String nowhere = folder.resolve("nowhere").resolve("file").toString();
    String why = "is \"%s\", must be a file that can be written, in a folder that exists";
    for (String file : List.of(nowhere, folder.toString())) {
      assertRefused(why.formatted(file), simulate("--svg", file));
      assertRefused(why.formatted(file), simulate("--trace", file));
      assertRefused(why.formatted(file), List.of("trace", "job", "--svg", file));
      assertRefused(why.formatted(file), List.of("profile", "--output", file));
      assertRefused(why.formatted(file), List.of("reproduce", "table6", "--output", file));
    }
  }

  @Test
  void modelIsNamedByOneReadableFile() {
    assertRefused(
        "--model is \"nowhere.conf\", must be a readable file",
        command("plan", "--model", "nowhere.conf"));
    assertRefused(
        "--model stands in place of --conf: name one of them",
        command("plan", "--model", "../conf/mixtral-7b.conf", "--conf", "../conf/quickstart.conf"));
  }

  @Test
  void modelWithoutExpertsHasNothingToMeasureOrPlan() {
    String why = "model.moe-layers is none: there ";
    List<String> dense = List.of("--set", "model.moe-layers=none");
    assertRefused(
        why + "are no experts to measure",
        Stream.concat(Stream.of("profile", "--conf", "../conf/quickstart.conf"), dense.stream())
            .toList());
    assertRefused(why + "is nothing to schedule", command("plan", dense.toArray(String[]::new)));
  }

  @Test
  void experimentsAreNamedAsTheyAreTyped() {
    assertThat(CommandLineRun.of("reproduce", "--help").out())
        .contains("One of table5, table6, sweeps, models.");
  }

  private static List<String> simulate(String... more) {
    return command("simulate", more);
  }

  private static List<String> command(String name, String... more) {
    return Stream.of(List.of(name), MODEL, List.of(more)).flatMap(List::stream).toList();
  }

  private static void assertRefused(String message, List<String> arguments) {
    CommandLineRun run = CommandLineRun.of(arguments.toArray(String[]::new));
    assertThat(run.err()).contains(message).doesNotContain("\tat ");
    assertThat(run.exitCode()).isEqualTo(2);
  }

  private static Timeline timeline(String name, double end) {
    return new Timeline(
        name,
        List.of(
            new Span("dispatch.0", Lane.INTER_NODE, 0, end),
            new Span("expert.0", Lane.COMPUTE, 1, end)));
  }

  @Test
  void whatIsNoTraceIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("other.json"), "{\"traceEvents\": 1}");
    StringWriter err = new StringWriter();
    int code =
        SparkMoe.commandLine().setErr(new PrintWriter(err)).execute("trace", file.toString());
    assertThat(code).isEqualTo(2);
    assertThat(err.toString()).contains("is no trace: no array 'traceEvents'");
  }

  private static String run(Callable<Integer> command, List<String> more) {
    List<String> arguments = new ArrayList<>(MODEL);
    arguments.addAll(more);
    return execute(command, arguments);
  }

  private static String execute(Callable<Integer> command, List<String> arguments) {
    StringWriter out = new StringWriter();
    int code =
        new CommandLine(command)
            .setOut(new PrintWriter(out))
            .execute(arguments.toArray(String[]::new));
    assertThat(code).as(out.toString()).isZero();
    return out.toString();
  }
}
