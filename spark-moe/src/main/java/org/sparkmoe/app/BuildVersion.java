package org.sparkmoe.app;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** What the build wrote down of itself. */
final class BuildVersion implements IVersionProvider {
  private final Properties build = new Properties();

  BuildVersion() {
    try (InputStream in = BuildVersion.class.getResourceAsStream("build.properties")) {
      build.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException("build.properties cannot be read from the jar", e);
    }
  }

  /** Version of Spark MoE. */
  String version() {
    return build.getProperty("version");
  }

  /** Commit it was built from, or {@code unknown} outside a Git checkout. */
  String commit() {
    return build.getProperty("commit");
  }

  @Override
  public String[] getVersion() {
    return new String[] {"spark-moe " + version() + " (" + commit() + ")"};
  }
}
