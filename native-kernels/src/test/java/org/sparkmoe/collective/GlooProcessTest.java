package org.sparkmoe.collective;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ranks as processes, as on a cluster. */
@Timeout(180)
class GlooProcessTest {
  private static final int SIZE = 3;

  @TempDir private Path directory;
  private final List<Process> processes = new ArrayList<>();

  @AfterEach
  void end() {
    processes.forEach(Process::destroyForcibly);
  }

  @Test
  void processesAddUp() throws Exception {
    start("sum");
    for (Process process : processes) {
      assertThat(process.inputReader().lines()).contains("SUM 4.5 4.5").noneMatch(this::failed);
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isZero();
    }
  }

  @Test
  void whenOneIsKilledTheOthersFailLongBeforeTheTimeout() throws Exception {
    start("wait");
    for (Process process : processes) {
      assertThat(nextLine(process, "SUM ")).isEqualTo("SUM 4.5 4.5");
    }
    processes.get(SIZE - 1).destroyForcibly();
    for (int rank = 0; rank < SIZE - 1; rank++) {
      assertThat(nextLine(processes.get(rank), "FAILED "))
          .contains("rank " + rank + ": barrier in group all [0, 1, 2] failed after ");
      assertThat(processes.get(rank).waitFor(60, TimeUnit.SECONDS)).isTrue();
    }
  }

  private boolean failed(String line) {
    return line.startsWith("FAILED");
  }

  private void start(String mode) throws IOException {
    for (int rank = 0; rank < SIZE; rank++) {
      ProcessBuilder command =
          new ProcessBuilder(
              ProcessHandle.current().info().command().orElseThrow(),
              "-cp",
              System.getProperty("java.class.path"),
              GlooProcess.class.getName(),
              String.valueOf(rank),
              String.valueOf(SIZE),
              directory.toString(),
              mode);
      processes.add(command.redirectErrorStream(true).start());
    }
  }

  private static String nextLine(Process process, String prefix) throws IOException {
    BufferedReader output = process.inputReader();
    StringBuilder before = new StringBuilder();
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      if (line.startsWith(prefix)) {
        return line;
      }
      before.append(line).append('\n');
    }
    throw new AssertionError(
        "the process ended without a line '%s...': %s".formatted(prefix, before));
  }
}
