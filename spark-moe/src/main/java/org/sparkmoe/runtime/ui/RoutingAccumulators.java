package org.sparkmoe.runtime.ui;

import java.io.Serializable;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.SparkContext;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.train.StepMetrics;

/**
 * One for each MoE layer, in order; travels with the stage's tasks.
 *
 * @param layers registered with Spark
 */
public record RoutingAccumulators(List<RoutingAccumulator> layers) implements Serializable {

  /** Named {@code MoE layer 1} and so on. */
  public static RoutingAccumulators register(SparkContext context, int layers) {
    return new RoutingAccumulators(
        IntStream.rangeClosed(1, layers)
            .mapToObj(
                layer -> {
                  RoutingAccumulator accumulator = new RoutingAccumulator();
                  context.register(accumulator, "MoE layer " + layer);
                  return accumulator;
                })
            .toList());
  }

  /** On rank 0, after a step. */
  public void add(StepMetrics step) {
    List<RoutingStats> routing = step.routing();
    for (int layer = 0; layer < Math.min(routing.size(), layers.size()); layer++) {
      layers.get(layer).add(routing.get(layer));
    }
  }
}
