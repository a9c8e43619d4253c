package org.sparkmoe.runtime.report;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.schedule.sim.Timeline;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;

/** The pictures of a training. */
public final class Plots {
  private final TrainingHistory history;

  private Plots(TrainingHistory history) {
    this.history = history;
  }

  /**
   * Those for which there are figures, in the order of their weight.
   *
   * @param trigramLoss nats a token of the byte trigram model on validation, to compare with
   */
  public static List<Plot> of(TrainingHistory history, OptionalDouble trigramLoss) {
    Plots plots = new Plots(history);
    List<Plot> all = new ArrayList<>();
    if (!history.steps().isEmpty()) {
      all.add(plots.loss(trigramLoss));
      all.add(plots.learningRate());
      all.add(plots.throughput());
    }
    ExpertLoad load = ExpertLoad.of(history.steps());
    if (!load.isEmpty()) {
      all.add(
          new Plot.OfHeatMap(
              "expert-load",
              "Heat map of the tokens of each expert of each MoE layer over the steps.",
              load.heatMap()));
      all.add(plots.imbalance());
    }
    ScheduleTrace schedule = history.schedule();
    if (schedule != null) {
      all.add(timeline(schedule));
    }
    return all;
  }

  private Plot loss(OptionalDouble trigramLoss) {
    LineChart chart =
        new LineChart("Loss", "loss (nats a token)", "0.0#")
            .line("training", curve(StepMetrics::loss))
            .marked(
                "validation",
                Curve.of(history.evaluations(), EvaluationMetrics::step, EvaluationMetrics::loss));
    double last = history.steps().get(history.steps().size() - 1).step();
    trigramLoss.ifPresent(
        level -> chart.level("byte trigram with back-off, validation", level, last));
    return plot("loss", "Loss of training and validation over the steps.", chart);
  }

  private Plot learningRate() {
    return plot(
        "learning-rate",
        "Learning rate over the steps.",
        new LineChart("Learning rate", "learning rate", "0.0E0")
            .line("learning rate", curve(StepMetrics::learningRate))
            .fromZero());
  }

  private Plot throughput() {
    return plot(
        "throughput",
        "Tokens a second over the steps.",
        new LineChart("Throughput", "tokens/s", "#,##0")
            .line("all ranks together", curve(StepMetrics::tokensPerSecond))
            .fromZero());
  }

  private Plot imbalance() {
    LineChart chart =
        new LineChart("Load imbalance", "busiest expert over the mean (1 is even)", "0.0#");
    int layers = history.steps().get(0).routing().size();
    for (int layer = 0; layer < layers; layer++) {
      int index = layer;
      chart.line(
          "MoE layer " + (layer + 1), curve(step -> of(step, index, RoutingStats::imbalance)));
    }
    return plot("imbalance", "Load imbalance of each MoE layer over the steps.", chart);
  }

  private static double of(StepMetrics step, int layer, ToDoubleFunction<RoutingStats> value) {
    return layer < step.routing().size()
        ? value.applyAsDouble(step.routing().get(layer))
        : Double.NaN;
  }

  private Curve curve(ToDoubleFunction<StepMetrics> value) {
    return Curve.of(history.steps(), StepMetrics::step, value);
  }

  private static Plot plot(String name, String description, LineChart chart) {
    return new Plot.OfChart(name, description, chart.chart());
  }

  private static Plot timeline(ScheduleTrace schedule) {
    List<Timeline> timelines = new ArrayList<>(schedule.measured());
    timelines.addAll(schedule.predicted());
    return new Plot.OfTimelines(
        "timeline",
        "When the tasks of the slowest MoE layer ran on the three lanes in step %d, and the plan."
            .formatted(schedule.step()),
        timelines);
  }
}
