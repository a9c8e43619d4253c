package org.sparkmoe.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/** How the stages of a pipeline share out the blocks: {@code balanced}, or a number for each. */
final class PipelineSplit {
  static final String BALANCED = "balanced";
  private static final Pattern NUMBERS = Pattern.compile("[1-9][0-9]{0,5}( *, *[1-9][0-9]{0,5})*");

  private PipelineSplit() {}

  static boolean isValid(String split, int layers) {
    return BALANCED.equals(split)
        || (NUMBERS.matcher(split).matches()
            && numbers(split).stream().mapToInt(Integer::intValue).sum() == layers);
  }

  static String rule(int layers) {
    return "balanced, or a number of blocks for each stage, such as \"3,2\", that add up to"
        + " model.layers = "
        + layers;
  }

  /** Why {@code split} is not for this many stages; empty if it is. One stage takes all blocks. */
  static List<String> problems(String split, int layers, int stages) {
    if (stages == 1) {
      return List.of();
    }
    if (BALANCED.equals(split)) {
      return layers >= stages
          ? List.of()
          : List.of(
              "model.layers is \"%d\", must be at least cluster.pp = %d: a block for each stage"
                  .formatted(layers, stages));
    }
    int count = numbers(split).size();
    return count == stages
        ? List.of()
        : List.of(
            ("model.pipeline-split is \"%s\", must have a number for each of the cluster.pp = %d"
                    + " stages, not %d")
                .formatted(split, stages, count));
  }

  /**
   * Blocks of each stage. The balanced split gives what is left over to the earliest stages,
   * because the last one has the output head besides.
   */
  static List<Integer> blocks(String split, int layers, int stages) {
    if (stages > 1 && !BALANCED.equals(split)) {
      return numbers(split);
    }
    List<Integer> blocks = new ArrayList<>();
    for (int stage = 0; stage < stages; stage++) {
      blocks.add(layers / stages + (stage < layers % stages ? 1 : 0));
    }
    return blocks;
  }

  private static List<Integer> numbers(String split) {
    return Arrays.stream(split.split(",")).map(String::trim).map(Integer::valueOf).toList();
  }
}
