package org.sparkmoe.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A file that a command leaves. Refused at its start if it cannot be written, so that no work is
 * done in vain.
 *
 * @param path null if none is wanted
 */
record OutputFile(@Nullable Path path) {

  /**
   * @param option that names the file
   * @throws RefusedException if it cannot be written
   */
  static OutputFile of(String option, @Nullable Path path) {
    if (path != null && !isWritable(path)) {
      throw new RefusedException(
          "%s is \"%s\", must be a file that can be written, in a folder that exists"
              .formatted(option, path));
    }
    return new OutputFile(path);
  }

  private static boolean isWritable(Path path) {
    if (Files.exists(path)) {
      return !Files.isDirectory(path) && Files.isWritable(path);
    }
    Path folder = path.toAbsolutePath().getParent();
    return folder != null && Files.isDirectory(folder) && Files.isWritable(folder);
  }

  boolean isWanted() {
    return path != null;
  }

  /** Makes the text and writes it; does neither if no file is wanted. */
  void write(Supplier<String> text) throws IOException {
    if (path != null) {
      Files.writeString(path, text.get());
    }
  }
}
