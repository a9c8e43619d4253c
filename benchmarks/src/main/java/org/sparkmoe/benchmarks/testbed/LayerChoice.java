package org.sparkmoe.benchmarks.testbed;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.policy.Direction;
import org.sparkmoe.schedule.policy.PipelineDegree;

/**
 * Layers for the race, equally many for each of the four cases (paper §4.3).
 *
 * @param caseNumber of the layer's backward, with the all-reduce of its own gradient inside
 * @param layer its work
 */
record LayerChoice(int caseNumber, LayerWorkload layer) {
  private static final double[] MILLIS = {15, 30, 60, 120};
  private static final double ATTENTION_MILLIS = 20;

  /**
   * The first {@code options.perCase} layers of each case, from a grid of times of each kind of
   * work.
   */
  static List<LayerChoice> of(CostModels costs, RaceOptions options) {
    double scale = options.timeScale;
    int perCase = options.perCase;
    Map<Integer, List<LayerChoice>> byCase = new TreeMap<>();
    for (double inter : MILLIS) {
      for (double intra : MILLIS) {
        for (double expert : MILLIS) {
          for (double gradient : new double[] {10, 50, 150}) {
            LayerWorkload layer =
                new LayerWorkload(
                    costs.allToAll().work(scale * inter),
                    costs.allGather().work(scale * intra),
                    costs.expert().work(scale * expert),
                    costs.attention().work(scale * ATTENTION_MILLIS),
                    costs.attention().work(scale * ATTENTION_MILLIS),
                    costs.allGather().work(scale * 10),
                    costs.allReduce().work(scale * gradient));
            int number =
                PipelineDegree.search(
                        layer, costs, Direction.BACKWARD, scale * gradient, options.maxDegree)
                    .caseNumber();
            byCase
                .computeIfAbsent(number, key -> new ArrayList<>())
                .add(new LayerChoice(number, layer));
          }
        }
      }
    }
    List<LayerChoice> chosen = new ArrayList<>();
    for (List<LayerChoice> choices : byCase.values()) {
      for (int i = 0; i < Math.min(perCase, choices.size()); i++) {
        chosen.add(choices.get(i * choices.size() / Math.min(perCase, choices.size())));
      }
    }
    return chosen;
  }
}
