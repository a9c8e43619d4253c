package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.sparkmoe.moe.RoutingStats;

/** Notices routers that send all tokens to the same experts, or are certain of every choice. */
final class RouterWatch {
  /** Where every expert gets more of the tokens than that, nothing can be told from the load. */
  private static final double MOST_EVEN = 0.7;

  private static final String REMEDY =
      "raise moe.aux-loss, set moe.z-loss = 1e-3, or lower train.learning-rate";

  private final HealthConfig config;
  private final double tokens;
  private final Map<Integer, Layer> layers = new HashMap<>();

  /** How long a layer has been ill, in steps. */
  private static final class Layer {
    private int overloaded;
    private int certain;
    private double mostEntropy;
  }

  /**
   * @param tokens of a micro-step, over all ranks
   */
  RouterWatch(HealthConfig config, long tokens) {
    this.config = config;
    this.tokens = tokens;
  }

  /**
   * Looks at one step; the warnings that are due, each once until the layer recovers.
   *
   * @param routing of each MoE layer, in order
   */
  List<String> add(List<RoutingStats> routing) {
    List<String> warnings = new ArrayList<>();
    for (int i = 0; config.collapseSteps() > 0 && i < routing.size(); i++) {
      Layer layer = layers.computeIfAbsent(i, index -> new Layer());
      String name = "MoE layer %d of %d".formatted(i + 1, routing.size());
      overload(layer, routing.get(i)).ifPresent(text -> warnings.add(name + text));
      certainty(layer, routing.get(i)).ifPresent(text -> warnings.add(name + text));
    }
    return warnings;
  }

  private Optional<String> overload(Layer layer, RoutingStats stats) {
    double kept = Arrays.stream(stats.tokensPerExpert()).sum();
    double even = kept / (1 - stats.droppedShare()) / stats.tokensPerExpert().length / tokens;
    double busiest = stats.imbalance() * even;
    boolean ill = busiest > config.collapseLoad() && even < MOST_EVEN;
    layer.overloaded = ill ? layer.overloaded + 1 : 0;
    return layer.overloaded == config.collapseSteps()
        ? Optional.of(
            text(
                ": one expert gets %.0f %% of all tokens (even would be %.0f %%) for %d steps, its"
                    + " router has collapsed: %s",
                100 * busiest, 100 * even, config.collapseSteps(), REMEDY))
        : Optional.empty();
  }

  /** Gates that are certain by design never had a larger entropy. */
  private Optional<String> certainty(Layer layer, RoutingStats stats) {
    double largest = Math.log(stats.tokensPerExpert().length);
    double least = config.collapseEntropy() * largest;
    boolean ill = stats.gateEntropy() < least && layer.mostEntropy > 2 * least;
    layer.certain = ill ? layer.certain + 1 : 0;
    layer.mostEntropy = Math.max(layer.mostEntropy, stats.gateEntropy());
    return layer.certain == config.collapseSteps()
        ? Optional.of(
            text(
                ": the entropy of its gate is %.4f nats for %d steps (it was up to %.2f, at most"
                    + " %.2f), its router has collapsed: %s",
                stats.gateEntropy(), config.collapseSteps(), layer.mostEntropy, largest, REMEDY))
        : Optional.empty();
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
