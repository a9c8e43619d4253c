package org.sparkmoe.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Commands of the system. */
final class Shell {
  private Shell() {}

  /**
   * Runs a command to its end.
   *
   * @throws IllegalStateException if it fails; with what it printed
   */
  static void run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException(String.join(" ", command) + ": " + output);
    }
  }
}
