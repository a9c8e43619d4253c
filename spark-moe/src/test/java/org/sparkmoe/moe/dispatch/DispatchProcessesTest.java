package org.sparkmoe.moe.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.collective.InProcessWorld;
import org.sparkmoe.topology.RankGroups;

/** Dispatches over Gloo between processes, as on a cluster. */
@Timeout(180)
class DispatchProcessesTest {
  private final List<Process> processes = new ArrayList<>();

  @AfterEach
  void end() {
    processes.forEach(Process::destroyForcibly);
  }

  @Test
  void processesReceiveWhatThreadsReceive(@TempDir Path directory) throws Exception {
    for (int rank = 0; rank < DispatchProcess.TOPOLOGY.world(); rank++) {
      processes.add(start(rank, directory));
    }
    List<List<String>> ofThreads = ofThreads();
    for (int rank = 0; rank < processes.size(); rank++) {
      List<String> output = processes.get(rank).inputReader().lines().toList();
      assertThat(output.stream().filter(line -> line.startsWith(DispatchProcess.RESULT)))
          .as("rank %d, which printed %s", rank, output)
          .containsExactlyElementsOf(
              ofThreads.get(rank).stream().map(DispatchProcess.RESULT::concat).toList());
      assertThat(processes.get(rank).waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(processes.get(rank).exitValue()).isZero();
    }
  }

  private static List<List<String>> ofThreads() throws Exception {
    int size = DispatchProcess.TOPOLOGY.world();
    try (InProcessWorld world = InProcessWorld.of(size, DispatchProcess.TIMEOUT)) {
      List<CompletableFuture<List<String>>> ranks =
          IntStream.range(0, size)
              .mapToObj(
                  rank ->
                      CompletableFuture.supplyAsync(
                          () -> ofThread(world, rank), task -> new Thread(task).start()))
              .toList();
      List<List<String>> results = new ArrayList<>();
      for (CompletableFuture<List<String>> rank : ranks) {
        results.add(rank.get(60, TimeUnit.SECONDS));
      }
      return results;
    }
  }

  private static List<String> ofThread(InProcessWorld world, int rank) {
    return DispatchProcess.results(
        RankGroups.create(
            DispatchProcess.TOPOLOGY, rank, world.factory(rank), DispatchProcess.TIMEOUT));
  }

  private static Process start(int rank, Path directory) throws Exception {
    ProcessBuilder command =
        new ProcessBuilder(
            ProcessHandle.current().info().command().orElseThrow(),
            "-Xmx256m",
            "-cp",
            System.getProperty("java.class.path"),
            DispatchProcess.class.getName(),
            String.valueOf(rank),
            directory.toString());
    return command.redirectErrorStream(true).start();
  }
}
