package org.sparkmoe.interchange;

import java.io.IOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A directory that appears with everything in it or not at all.
 *
 * @param path qualified
 */
record NewDirectory(Path path, FileSystem files) {

  /** Fills a directory. */
  @FunctionalInterface
  interface Content {
    void writeTo(Path directory) throws IOException;
  }

  /**
   * @throws InterchangeException if it is there already
   * @throws IOException if the file system cannot be reached
   */
  static NewDirectory of(Path path, Configuration hadoop) throws IOException {
    FileSystem files = path.getFileSystem(hadoop);
    if (files.exists(path)) {
      throw new InterchangeException(
          "a model to " + path, List.of("it is there already, must be a new directory"));
    }
    return new NewDirectory(files.makeQualified(path), files);
  }

  /**
   * @throws IOException if it cannot be written; then nothing is left
   */
  void fill(Content content) throws IOException {
    Path aside = new Path(path.getParent(), ".writing-" + path.getName());
    boolean complete = false;
    try {
      files.delete(aside, true);
      files.mkdirs(aside);
      content.writeTo(aside);
      complete = files.rename(aside, path);
    } finally {
      if (!complete) {
        files.delete(aside, true);
      }
    }
    if (!complete) {
      throw new IOException("%s cannot be renamed to %s".formatted(aside, path));
    }
  }
}
