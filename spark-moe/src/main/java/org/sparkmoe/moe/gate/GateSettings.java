package org.sparkmoe.moe.gate;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.moe.ModuleContext;

/** Reads the options of a gate and collects all that is wrong with them. */
final class GateSettings {
  private final ModuleContext context;
  private final List<String> problems = new ArrayList<>();

  GateSettings(ModuleContext context) {
    this.context = context;
  }

  /** A number from {@code least} to {@code most}. */
  double numberFrom(String option, double byDefault, double least, double most) {
    double value = context.number(option, byDefault);
    if (!(value >= least && value <= most)) {
      problem(
          "moe.gate-options.%s is %s, must be from %s to %s".formatted(option, value, least, most));
    }
    return value;
  }

  /** A whole number of at least {@code least}. */
  int wholeNumber(String option, int byDefault, int least) {
    double value = context.number(option, byDefault);
    if (value != Math.rint(value) || value < least || value > Integer.MAX_VALUE) {
      problem(
          "moe.gate-options.%s is %s, must be a whole number of at least %d"
              .formatted(option, context.options().getOrDefault(option, "" + byDefault), least));
    }
    return (int) value;
  }

  boolean flag(String option, boolean byDefault) {
    String word = context.options().getOrDefault(option, String.valueOf(byDefault));
    if (!word.equals("true") && !word.equals("false")) {
      problem("moe.gate-options.%s is '%s', must be true or false".formatted(option, word));
    }
    return word.equals("true");
  }

  void requireTopOne(String what) {
    requireTopK(1, what, "one expert");
  }

  void requireTopTwo(String what) {
    requireTopK(2, what, "two experts");
  }

  private void requireTopK(int k, String what, String experts) {
    if (context.config().topK() != k) {
      problem(
          "moe.top-k is %d, must be %d: %s sends each token to %s"
              .formatted(context.config().topK(), k, what, experts));
    }
  }

  void problem(String problem) {
    problems.add(problem);
  }

  /**
   * @throws IllegalArgumentException with every problem found, one a line
   */
  void refuseProblems() {
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }
}
