package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with a section of the configuration. */
final class Problems {
  private final String prefix;
  private final List<String> lines = new ArrayList<>();

  /**
   * @param prefix of every key, for example {@code train.}
   */
  Problems(String prefix) {
    this.prefix = prefix;
  }

  void check(boolean valid, String key, Object value, String rule) {
    if (!valid) {
      lines.add("%s%s is \"%s\", must be %s".formatted(prefix, key, value, rule));
    }
  }

  void throwIfAny() {
    if (!lines.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", lines));
    }
  }
}
