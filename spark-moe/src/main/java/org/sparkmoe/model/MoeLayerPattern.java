package org.sparkmoe.model;

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The values of {@code model.moe-layers}. */
final class MoeLayerPattern {
  private static final Pattern EVERY = Pattern.compile("every-([1-9]\\d{0,8})");
  private static final Pattern INDICES = Pattern.compile("\\d{1,9}(\\s*,\\s*\\d{1,9})*");

  private MoeLayerPattern() {}

  static boolean isValid(String pattern, int layers) {
    if (INDICES.matcher(pattern).matches()) {
      return Arrays.stream(indices(pattern)).allMatch(index -> index < layers);
    }
    return pattern.equals("all") || pattern.equals("none") || EVERY.matcher(pattern).matches();
  }

  static String rule(int layers) {
    return "all, none, every-N (the last of every N layers) or indices from 0 to %d such as \"1,3\""
        .formatted(layers - 1);
  }

  /** Whether the block {@code layer}, from 0, is one; {@code pattern} must be valid. */
  static boolean matches(String pattern, int layer) {
    Matcher every = EVERY.matcher(pattern);
    if (every.matches()) {
      return (layer + 1) % Integer.parseInt(every.group(1)) == 0;
    }
    if (INDICES.matcher(pattern).matches()) {
      return Arrays.stream(indices(pattern)).anyMatch(index -> index == layer);
    }
    return pattern.equals("all");
  }

  private static int[] indices(String pattern) {
    return Arrays.stream(pattern.split(",", -1))
        .mapToInt(index -> Integer.parseInt(index.strip()))
        .toArray();
  }
}
