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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.schedule.policy.PolicyName;
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
          "data.sequence-length=512",
          "--set",
          "data.paths=[unused]");

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
    assertThat(text).contains("tutel-forward").contains("of communication hidden");
    assertThat(Files.readString(svg)).startsWith("<svg").contains("tutel-backward");
    assertThat(Files.readString(trace)).startsWith("{\"traceEvents\"");
  }

  private static String run(Callable<Integer> command, List<String> more) {
    StringWriter out = new StringWriter();
    List<String> arguments = new ArrayList<>(MODEL);
    arguments.addAll(more);
    int code =
        new CommandLine(command)
            .setOut(new PrintWriter(out))
            .execute(arguments.toArray(String[]::new));
    assertThat(code).as(out.toString()).isZero();
    return out.toString();
  }
}
