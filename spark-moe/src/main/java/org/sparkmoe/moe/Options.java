package org.sparkmoe.moe;

import java.util.Map;

/** Reads the options of a module. */
final class Options {
  private Options() {}

  static double number(
      String module, Map<String, String> options, String option, double byDefault) {
    String text = options.get(option);
    if (text == null) {
      return byDefault;
    }
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "%s: option %s is '%s', must be a number".formatted(module, option, text), e);
    }
  }

  static String word(String module, Map<String, String> options, String option, String... allowed) {
    String text = options.getOrDefault(option, allowed[0]);
    for (String word : allowed) {
      if (word.equals(text)) {
        return word;
      }
    }
    throw new IllegalArgumentException(
        "%s: option %s is '%s', must be one of %s"
            .formatted(module, option, text, String.join(", ", allowed)));
  }
}
