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
    return Options.number(name, options, option, byDefault);
  }

  /** A word among the options, of those allowed; the first is the default. */
  public String word(String option, String... allowed) {
    return Options.word(name, options, option, allowed);
  }
}
