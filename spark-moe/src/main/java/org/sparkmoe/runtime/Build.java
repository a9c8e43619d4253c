package org.sparkmoe.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/**
 * What the build wrote down of itself.
 *
 * @param version of Spark MoE
 * @param commit it was built from, or {@code unknown} outside a Git checkout
 * @param pytorch version of the PyTorch presets
 */
public record Build(String version, String commit, String pytorch) {

  /** Reads it from the jar. */
  public static Build read() {
    Properties properties = new Properties();
    try (InputStream in = Build.class.getResourceAsStream("build.properties")) {
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException("build.properties cannot be read from the jar", e);
    }
    return new Build(
        properties.getProperty("version"),
        properties.getProperty("commit"),
        properties.getProperty("pytorch"));
  }
}
