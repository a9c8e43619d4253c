package org.sparkmoe.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a JVM holds.
 *
 * @param role driver or executor
 * @param residentKib resident memory: heap, libtorch's tensors and all else
 * @param heapKib used heap, garbage included
 */
record MemorySample(double seconds, String role, long pid, long residentKib, long heapKib) {
  private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");
  private static final Pattern HEAP = Pattern.compile("used (\\d+)K");

  /** Empty if the process is gone or too young to answer. */
  static Optional<MemorySample> of(String role, long pid, double seconds)
      throws IOException, InterruptedException {
    Path status = Path.of("/proc", String.valueOf(pid), "status");
    if (!Files.exists(status)) {
      return Optional.empty();
    }
    String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    Process heap =
        new ProcessBuilder(jcmd, String.valueOf(pid), "GC.heap_info")
            .redirectErrorStream(true)
            .start();
    String text = new String(heap.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    heap.waitFor();
    Matcher used = HEAP.matcher(text);
    try {
      Matcher resident = RESIDENT.matcher(Files.readString(status));
      return used.find() && resident.find()
          ? Optional.of(
              new MemorySample(
                  seconds,
                  role,
                  pid,
                  Long.parseLong(resident.group(1)),
                  Long.parseLong(used.group(1))))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  String csv() {
    return "%.1f,%s,%d,%d,%d".formatted(seconds, role, pid, residentKib, heapKib);
  }
}
