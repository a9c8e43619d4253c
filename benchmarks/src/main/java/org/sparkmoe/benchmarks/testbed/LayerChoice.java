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

  /** The first {@code perCase} layers of each case, from a grid of times of each kind of work. */
  static List<LayerChoice> of(CostModels costs, int perCase, int maxDegree) {
    Map<Integer, List<LayerChoice>> byCase = new TreeMap<>();
    for (double inter : MILLIS) {
      for (double intra : MILLIS) {
        for (double expert : MILLIS) {
          for (double gradient : new double[] {10, 50, 150}) {
            LayerWorkload layer =
                new LayerWorkload(
                    costs.allToAll().work(inter),
                    costs.allGather().work(intra),
                    costs.expert().work(expert),
                    costs.attention().work(ATTENTION_MILLIS),
                    costs.attention().work(ATTENTION_MILLIS),
                    costs.allGather().work(10),
                    costs.allReduce().work(gradient));
            int number =
                PipelineDegree.search(layer, costs, Direction.BACKWARD, gradient, maxDegree)
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
