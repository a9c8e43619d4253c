package org.sparkmoe.runtime;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * What training leaves behind; keys {@code output.*}.
 *
 * @param directory the model directory, on any Hadoop file system
 * @param prompt text that the sample at the end goes on from
 * @param sampleTokens tokens of the sample; 0 leaves it out
 * @param tensorboard whether to write TensorBoard event files
 */
public record OutputConfig(String directory, String prompt, int sampleTokens, boolean tensorboard)
    implements Serializable {

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public OutputConfig {
    List<String> problems = new ArrayList<>();
    if (directory.isBlank()) {
      problems.add("output.directory is blank, must be the name of a directory");
    }
    if (prompt.isEmpty()) {
      problems.add("output.prompt is empty, must be a text of at least one character");
    }
    if (sampleTokens < 0) {
      problems.add(
          "output.sample-tokens is %d, must be at least 0 (0 leaves the sample out)"
              .formatted(sampleTokens));
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }
}
