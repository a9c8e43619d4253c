package org.sparkmoe.model;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.sparkmoe.moe.MoeConfig;

/**
 * Spreads the first values of experts as those of the dense layers they stand for: {@code
 * model.init-std}, less for the projection onto the residual stream. Only the built-in experts are
 * known to have these options, and what the user sets goes first.
 */
final class ExpertDeviation {
  private static final Set<String> BUILT_IN = Set.of("gpt", "mixtral");
  private static final String INNER = "init-deviation";
  private static final String OUTPUT = "output-init-deviation";

  private ExpertDeviation() {}

  static MoeConfig of(ModelConfig model, MoeConfig moe) {
    Map<String, String> options = new HashMap<>(moe.expertOptions());
    if (!BUILT_IN.contains(moe.expert()) || options.containsKey(INNER)) {
      return moe;
    }
    options.put(INNER, Double.toString(model.initStd()));
    options.putIfAbsent(OUTPUT, Double.toString(model.residualInitStd()));
    return moe.withExpertOptions(options);
  }
}
