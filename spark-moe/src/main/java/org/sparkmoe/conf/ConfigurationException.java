package org.sparkmoe.conf;

import java.util.List;

/** A configuration that cannot be used, with all its problems. */
public final class ConfigurationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final List<String> problems;

  /** Each problem is a line that names the key, its value and what is right. */
  public ConfigurationException(List<String> problems) {
    super(
        "the configuration has %d problem%s:\n  %s"
            .formatted(
                problems.size(), problems.size() == 1 ? "" : "s", String.join("\n  ", problems)));
    this.problems = List.copyOf(problems);
  }

  /** The problems, one line each. */
  public List<String> problems() {
    return problems;
  }
}
