package org.sparkmoe.moe;

import java.util.Map;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.topology.RankGroups;

/**
 * What a module of one layer is made from.
 *
 * @param name prefix of parameter names, for example {@code layers.0.moe.gate}
 * @param layer index of the layer, from 0
 * @param config of the layer
 * @param modelWidth M
 * @param options of this module, their names already checked
 * @param groups this rank's communicators
 * @param initializer makes parameters
 */
public record ModuleContext(
    String name,
    int layer,
    MoeConfig config,
    int modelWidth,
    Map<String, String> options,
    RankGroups groups,
    ParameterInitializer initializer) {

  /** A number among the options. */
  public double number(String option, double byDefault) {
    String text = options.get(option);
    if (text == null) {
      return byDefault;
    }
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "%s: option %s is '%s', must be a number".formatted(name, option, text), e);
    }
  }

  /** A word among the options, of those allowed; the first is the default. */
  public String word(String option, String... allowed) {
    String text = options.getOrDefault(option, allowed[0]);
    for (String word : allowed) {
      if (word.equals(text)) {
        return word;
      }
    }
    throw new IllegalArgumentException(
        "%s: option %s is '%s', must be one of %s"
            .formatted(name, option, text, String.join(", ", allowed)));
  }
}
