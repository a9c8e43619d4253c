package org.sparkmoe.schedule.policy;

import java.util.List;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.TaskGraph;

/**
 * Graphs of one MoE layer for a given degree: chunk j passes {@code dispatch.j, all_gather.j,
 * expert.j, reduce_scatter.j, combine.j}.
 */
public final class LayerGraphs {
  private LayerGraphs() {}

  /** Intra-node communication has a lane of its own, as in {@code fsmoe}. */
  public static TaskGraph threeLanes(
      LayerWorkload layer, Direction direction, int degree, List<Double> gradientSlices) {
    return new BlockGraphs("three-lanes", Lane.INTRA_NODE)
        .moeLayer(layer, direction, degree, gradientSlices);
  }

  /** All communication queues in one lane, as in {@code tutel}. */
  public static TaskGraph twoLanes(
      LayerWorkload layer, Direction direction, int degree, List<Double> gradientSlices) {
    return new BlockGraphs("two-lanes", Lane.INTER_NODE)
        .moeLayer(layer, direction, degree, gradientSlices);
  }
}
