package org.sparkmoe.interchange;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads the fields of a {@code config.json} and collects all that is wrong with them. */
final class ConfigFields {
  private final JsonNode root;
  private final List<String> problems = new ArrayList<>();

  ConfigFields(JsonNode root) {
    this.root = root;
  }

  /** Whether the field is there and not null. */
  boolean has(String field) {
    return root.hasNonNull(field);
  }

  /** Whether the field is not there at all: where it is null, it has been said so. */
  boolean isMissing(String field) {
    return !root.has(field);
  }

  /** A whole number above 0. */
  int size(String field) {
    JsonNode node = root.path(field);
    if (!node.canConvertToInt() || !node.isIntegralNumber() || node.intValue() < 1) {
      problem(field, text(node), "a whole number from 1 to " + Integer.MAX_VALUE);
      return 1;
    }
    return node.intValue();
  }

  /** The same, or {@code byDefault} where the field is missing or null. */
  int size(String field, int byDefault) {
    return has(field) ? size(field) : byDefault;
  }

  /** A finite number of at least 0. */
  double number(String field, double byDefault) {
    return number(field, root.path(field), byDefault);
  }

  private double number(String field, JsonNode node, double byDefault) {
    if (node.isMissingNode() || node.isNull()) {
      return byDefault;
    }
    if (!node.isNumber() || !(node.doubleValue() >= 0) || !Double.isFinite(node.doubleValue())) {
      problem(field, text(node), "a number of at least 0");
      return byDefault;
    }
    return node.doubleValue();
  }

  boolean flag(String field, boolean byDefault) {
    JsonNode node = root.path(field);
    if (has(field) && !node.isBoolean()) {
      problem(field, text(node), "true or false");
    }
    return node.asBoolean(byDefault);
  }

  /** Refuses a value that Spark MoE's models cannot have. */
  void require(String field, boolean wanted, boolean byDefault) {
    if (flag(field, byDefault) != wanted) {
      problem(field, text(root.path(field)), String.valueOf(wanted));
    }
  }

  /** Refuses a text that is none of {@code allowed}; a missing one counts as the first. */
  void requireOneOf(String field, String... allowed) {
    if (has(field) && !Arrays.asList(allowed).contains(root.path(field).asText())) {
      problem(field, text(root.path(field)), "one of " + String.join(", ", allowed));
    }
  }

  /**
   * Base of the rotary wavelengths, at the top or in {@code rope_parameters}; scaled positions are
   * refused.
   */
  double ropeTheta(double byDefault) {
    for (String field : List.of("rope_scaling", "rope_parameters")) {
      JsonNode type = root.path(field).path("rope_type");
      JsonNode kind = type.isMissingNode() ? root.path(field).path("type") : type;
      if (has(field) && !kind.asText("default").equals("default")) {
        problem(field, text(root.path(field)), "of rope_type default");
      }
    }
    JsonNode nested = root.path("rope_parameters").path("rope_theta");
    return number(
        "rope_theta", nested.isMissingNode() ? root.path("rope_theta") : nested, byDefault);
  }

  void problem(String field, String value, String rule) {
    problems.add("config.json: %s is %s, must be %s".formatted(field, value, rule));
  }

  private static String text(JsonNode node) {
    return node.isMissingNode() ? "missing" : node.toString();
  }

  /** One line for each field that does not suit. */
  List<String> problems() {
    return List.copyOf(problems);
  }
}
