package org.sparkmoe.tensor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.Pointer;

/**
 * How much native memory this process holds now. After every training step both numbers return to
 * their value before it, or something leaks.
 *
 * @param bytes what malloc has given out and not got back, which includes all tensors on the CPU
 *     and also what the JVM itself takes by malloc; where the C++ library is missing, the resident
 *     anonymous memory of the process, which also counts the Java heap and what malloc keeps for
 *     later
 * @param handles native objects that Java code owns through JavaCPP
 */
public record NativeMemory(long bytes, long handles) {
  private static final Path STATUS = Path.of("/proc/self/status");

  /** Measures; takes some microseconds. */
  public static NativeMemory now() {
    long bytes =
        NativeLibrary.problem().isEmpty() ? NativeLibrary.allocatedBytes() : residentBytes();
    return new NativeMemory(bytes, Pointer.totalCount());
  }

  /** What was added since {@code earlier}. */
  public NativeMemory since(NativeMemory earlier) {
    return new NativeMemory(bytes - earlier.bytes, handles - earlier.handles);
  }

  /** From Linux' {@code /proc}; 0 where there is none. */
  static long residentBytes() {
    if (!Files.isReadable(STATUS)) {
      return 0;
    }
    try {
      return Files.readAllLines(STATUS).stream()
          .filter(line -> line.startsWith("RssAnon:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
