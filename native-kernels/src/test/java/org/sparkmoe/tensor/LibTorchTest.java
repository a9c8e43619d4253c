package org.sparkmoe.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibTorchTest {
  private static final int PROCESSES = 6;

  @TempDir private Path directory;

  @Test
  void processesThatStartTogetherOnAMachineWithoutUnpackedLibrariesAllLoadThem() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < PROCESSES; i++) {
      processes.add(
          new ProcessBuilder(
                  ProcessHandle.current().info().command().orElseThrow(),
                  "-Dorg.bytedeco.javacpp.cachedir=" + directory.resolve("cache"),
                  "-XX:ErrorFile=" + directory.resolve("crash.log"),
                  "-cp",
                  System.getProperty("java.class.path"),
                  Started.class.getName())
              .redirectErrorStream(true)
              .start());
    }
    for (Process process : processes) {
      String output = new String(process.getInputStream().readAllBytes());
      assertThat(output).endsWith("loaded\n");
    }
  }

  /** An executor's first use of libtorch. */
  static final class Started {
    public static void main(String[] args) {
      ComputeThreads.limit(1);
      System.out.println("loaded");
    }
  }
}
