package org.sparkmoe.runtime.ui;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.runtime.report.ModelFlopsText;
import org.sparkmoe.runtime.report.TrainingHistory;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingStart;

/**
 * A training as the web UI knows it.
 *
 * @param name when it began
 * @param start null if it is not known
 * @param history the steps that were kept
 */
record StoredRun(String name, @Nullable TrainingStart start, TrainingHistory history) {

  /** The newest figures, name to text. */
  Map<String, String> facts() {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("began", name);
    if (start != null) {
      facts.put("model", text("%,d parameters", start.parameters()));
      facts.put("global batch", text("%,d tokens a step", start.tokensPerStep()));
    }
    if (!history.steps().isEmpty()) {
      step(history.steps().get(history.steps().size() - 1), facts);
    }
    if (!history.evaluations().isEmpty()) {
      EvaluationMetrics last = history.evaluations().get(history.evaluations().size() - 1);
      facts.put(
          "validation",
          text(
              "%.4f bits per byte, loss %.4f nats a token, after step %,d",
              last.bitsPerByte(), last.loss(), last.step()));
    }
    ScheduleTrace plan = history.schedule();
    if (plan != null) {
      facts.put("plan", plan.policy());
      facts.put("pipeline degrees, forward", plan.forwardDegrees().toString());
      facts.put("pipeline degrees, backward", plan.backwardDegrees().toString());
    }
    return facts;
  }

  private void step(StepMetrics last, Map<String, String> facts) {
    String steps = start == null ? "" : text(" of %,d", start.steps());
    facts.put("step", text("%,d", last.step()) + steps);
    facts.put("loss", text("%.4f nats a token", last.loss()));
    facts.put("auxiliary loss", text("%.4f", last.auxLoss()));
    facts.put("throughput", text("%,.0f tokens/s", last.tokensPerSecond()));
    facts.put("model FLOPs", ModelFlopsText.of(last.teraflops(), last.mfu()));
    facts.put("native memory of rank 0", text("%,.1f MiB", last.nativeBytes() / 1048576.0));
    List<RoutingStats> layers = last.routing();
    for (int i = 0; i < layers.size(); i++) {
      RoutingStats layer = layers.get(i);
      facts.put(
          "MoE layer " + (i + 1),
          text(
              "imbalance %.2f, dropped %.1f %%, gate entropy %.2f nats",
              layer.imbalance(), 100 * layer.droppedShare(), layer.gateEntropy()));
    }
    ScheduleMetrics schedule = last.schedule();
    if (schedule != null) {
      facts.put("lane utilisation in MoE layers", lanes(schedule.laneUse()));
      facts.put("communication hidden", text("%.0f %%", 100 * schedule.hidden()));
      facts.put(
          "MoE layers, ms a micro-batch",
          text("%.2f measured, %.2f planned", schedule.measured(), schedule.predicted()));
    }
  }

  private static String lanes(List<Double> use) {
    return text(
        "compute %.0f %%, intra-node %.0f %%, inter-node %.0f %%",
        100 * use.get(Lane.COMPUTE.ordinal()),
        100 * use.get(Lane.INTRA_NODE.ordinal()),
        100 * use.get(Lane.INTER_NODE.ordinal()));
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
