package org.sparkmoe.runtime.report;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.train.StepMetrics;

/**
 * Tokens of each expert over the steps, as a heat map: a row for each layer and expert, a column
 * for each of some steps. A value of 1 is the mean of the layer's experts.
 *
 * @param steps of the columns
 * @param rows names from the top row down
 * @param loads {@code [columns][rows]}
 */
record ExpertLoad(List<Long> steps, List<String> rows, List<double[]> loads) {
  private static final int MOST_COLUMNS = 120;
  private static final int MOST_ROWS = 128;

  /** Of the steps that tell where their tokens went. */
  static ExpertLoad of(List<StepMetrics> all) {
    List<StepMetrics> routed = all.stream().filter(step -> !step.routing().isEmpty()).toList();
    List<StepMetrics> steps = spread(routed);
    if (steps.isEmpty()) {
      return new ExpertLoad(List.of(), List.of(), List.of());
    }
    List<RoutingStats> layers = steps.get(0).routing();
    int experts = layers.stream().mapToInt(l -> l.tokensPerExpert().length).sum();
    int group = (experts + MOST_ROWS - 1) / MOST_ROWS;
    return new ExpertLoad(
        steps.stream().map(StepMetrics::step).toList(),
        names(layers, group),
        steps.stream().map(step -> column(step.routing(), group)).toList());
  }

  private static List<StepMetrics> spread(List<StepMetrics> steps) {
    int most = Math.min(MOST_COLUMNS, steps.size());
    List<StepMetrics> chosen = new ArrayList<>();
    for (int i = 0; i < most; i++) {
      chosen.add(steps.get((int) ((long) i * (steps.size() - 1) / Math.max(1, most - 1))));
    }
    return chosen;
  }

  private static List<String> names(List<RoutingStats> layers, int group) {
    List<String> names = new ArrayList<>();
    for (int layer = 0; layer < layers.size(); layer++) {
      int experts = layers.get(layer).tokensPerExpert().length;
      for (int first = 0; first < experts; first += group) {
        int last = Math.min(first + group, experts) - 1;
        String which = first == last ? "expert " + first : "experts %d–%d".formatted(first, last);
        names.add("MoE layer %d, %s".formatted(layer + 1, which));
      }
    }
    return names;
  }

  /** The busiest expert of a group stands for it: the mean would hide what the map is for. */
  private static double[] column(List<RoutingStats> layers, int group) {
    List<Double> loads = new ArrayList<>();
    for (RoutingStats layer : layers) {
      long[] tokens = layer.tokensPerExpert();
      double sum = 0;
      for (long count : tokens) {
        sum += count;
      }
      for (int first = 0; first < tokens.length; first += group) {
        long most = 0;
        for (int expert = first; expert < Math.min(first + group, tokens.length); expert++) {
          most = Math.max(most, tokens[expert]);
        }
        loads.add(sum == 0 ? 0 : most * tokens.length / sum);
      }
    }
    return loads.stream().mapToDouble(Double::doubleValue).toArray();
  }

  boolean isEmpty() {
    return steps.isEmpty();
  }

  HeatMap heatMap() {
    return new HeatMap(
        "Expert load: tokens of an expert over the mean of its layer (1 is even)",
        "step",
        steps.stream().map(step -> "%,d".formatted(step)).toList(),
        rows,
        loads);
  }
}
