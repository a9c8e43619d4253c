package org.sparkmoe.tensor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The C++ library of {@code src/main/cpp}, which the build packs into the jar where it can. */
public final class NativeLibrary {
  private static final Logger LOG = LoggerFactory.getLogger(NativeLibrary.class);
  private static final String RESOURCE =
      "%s-%s/libsparkmoe.so"
          .formatted(System.getProperty("os.name"), System.getProperty("os.arch"));
  private static final Optional<String> PROBLEM = load();

  private NativeLibrary() {}

  /** Why the library is not there; empty if its native methods can be called. */
  public static Optional<String> problem() {
    return PROBLEM;
  }

  /** Bytes that malloc has given out and not got back. */
  static native long allocatedBytes();

  private static Optional<String> load() {
    // libtorch brings the OpenMP runtime that the library needs too, and must be the first to do
    // so.
    LibTorch.load();
    try (InputStream library = NativeLibrary.class.getResourceAsStream(RESOURCE)) {
      if (library == null) {
        return problem("this build has no C++ kernels for " + RESOURCE);
      }
      Path directory = Files.createTempDirectory("spark-moe-native-");
      Path file = directory.resolve("libsparkmoe.so");
      Files.copy(library, file);
      try {
        System.load(file.toString());
      } finally {
        // The loader has mapped the file, which needs its name no longer.
        Files.delete(file);
        Files.delete(directory);
      }
      return Optional.empty();
    } catch (IOException | UnsatisfiedLinkError e) {
      return problem("the C++ kernels cannot be loaded: " + e.getMessage());
    }
  }

  private static Optional<String> problem(String reason) {
    LOG.info("{}; libtorch's operators do their work", reason);
    return Optional.of(reason);
  }
}
