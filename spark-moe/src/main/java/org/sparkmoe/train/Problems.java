package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with a section of the configuration. */
final class Problems {
  private final String section;
  private final List<String> lines = new ArrayList<>();

  Problems(String section) {
    this.section = section;
  }

  void check(boolean valid, String key, Object value, String rule) {
    if (!valid) {
      lines.add("%s.%s is \"%s\", must be %s".formatted(section, key, value, rule));
    }
  }

  void throwIfAny() {
    if (!lines.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", lines));
    }
  }
}
