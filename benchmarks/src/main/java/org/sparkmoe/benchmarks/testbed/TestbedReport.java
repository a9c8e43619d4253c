package org.sparkmoe.benchmarks.testbed;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.PolicyName;

/** Markdown of the race, and the sums over all layers. */
final class TestbedReport {
  private static final PolicyName OURS = PolicyName.FSMOE;

  /** Share below which a lead is rounding. */
  private static final double TIE = 1e-6;

  private final double interference;
  private final List<Map<PolicyName, PolicyRace.Result>> rows = new ArrayList<>();

  TestbedReport(double interference) {
    this.interference = interference;
  }

  String profile(Map<TaskKind, CostFit> fits) {
    StringBuilder text = new StringBuilder();
    text.append("| work | α ms | β ms per unit | r² |\n|---|---|---|---|\n");
    fits.forEach(
        (kind, fit) ->
            text.append(
                String.format(
                    Locale.ROOT,
                    "| %s | %.3f | %.3e | %.4f |%n",
                    kind.name().toLowerCase(Locale.ROOT),
                    fit.model().alpha(),
                    fit.model().beta(),
                    fit.rSquared())));
    text.append(String.format(Locale.ROOT, "%ninterference coefficient: %.2f%n%n", interference));
    text.append("| case | a2a el | intra el | expert madds | gradient el |");
    for (PolicyName name : PolicyName.values()) {
      text.append(' ').append(name).append(" |");
    }
    text.append("\n|---|---|---|---|---|").append("---|".repeat(PolicyName.values().length));
    return text.toString();
  }

  /** Each cell: measured median (least to most), predicted on ideal lanes / with interference. */
  String row(LayerChoice choice, Map<PolicyName, PolicyRace.Result> results) {
    rows.add(results);
    String cells =
        results.values().stream()
            .map(
                r ->
                    String.format(
                        Locale.ROOT,
                        " %.0f (%.0f–%.0f), %.0f / %.0f |",
                        r.median(),
                        r.measured().get(0),
                        r.measured().get(r.measured().size() - 1),
                        r.ideal(),
                        r.interfering()))
            .collect(Collectors.joining());
    return String.format(
        Locale.ROOT,
        "| %d | %.2e | %.2e | %.2e | %.2e |%s",
        choice.caseNumber(),
        choice.layer().allToAll(),
        choice.layer().intraNode(),
        choice.layer().expert(),
        choice.layer().gradient(),
        cells);
  }

  /** Means over all layers, then how often the simulator was right about {@code fsmoe}. */
  String summary() {
    StringBuilder text = new StringBuilder();
    text.append(String.format(Locale.ROOT, "%n| mean over %d layers |", rows.size()));
    for (PolicyName name : PolicyName.values()) {
      text.append(' ').append(name).append(" |");
    }
    text.append("\n|---|").append("---|".repeat(PolicyName.values().length)).append('\n');
    row(text, "speed-up over tutel, measured", name -> ratio(name, PolicyRace.Result::median));
    row(text, "predicted, ideal lanes", name -> ratio(name, PolicyRace.Result::ideal));
    row(text, "predicted, interference", name -> ratio(name, PolicyRace.Result::interfering));
    row(text, "error of the ideal prediction, %", name -> error(name, PolicyRace.Result::ideal));
    row(text, "error with interference, %", name -> error(name, PolicyRace.Result::interfering));
    row(text, "fsmoe ahead, predicted", name -> wins(name, PolicyRace.Result::ideal));
    row(text, "of those measured", this::confirmedWins);
    text.append(
        String.format(
            Locale.ROOT,
            "%nmean absolute error of the predicted step: %.1f %% on ideal lanes, %.1f %% with interference",
            meanError(PolicyRace.Result::ideal),
            meanError(PolicyRace.Result::interfering)));
    return text.toString();
  }

  private static void row(StringBuilder text, String title, ToDoubleFunction<PolicyName> figure) {
    text.append("| ").append(title).append(" |");
    for (PolicyName name : PolicyName.values()) {
      double value = figure.applyAsDouble(name);
      String format = title.startsWith("speed-up") || title.startsWith("pred") ? "%.3f" : "%.0f";
      text.append(' ').append(String.format(Locale.ROOT, format, value)).append(" |");
    }
    text.append('\n');
  }

  private double ratio(PolicyName name, ToDoubleFunction<PolicyRace.Result> time) {
    return mean(
        row -> time.applyAsDouble(row.get(PolicyName.TUTEL)) / time.applyAsDouble(row.get(name)));
  }

  private double error(PolicyName name, ToDoubleFunction<PolicyRace.Result> prediction) {
    return 100
        * mean(
            row -> Math.abs(prediction.applyAsDouble(row.get(name)) / row.get(name).median() - 1));
  }

  private double meanError(ToDoubleFunction<PolicyRace.Result> prediction) {
    return Arrays.stream(PolicyName.values())
        .mapToDouble(name -> error(name, prediction))
        .average()
        .orElse(Double.NaN);
  }

  private double mean(ToDoubleFunction<Map<PolicyName, PolicyRace.Result>> figure) {
    return rows.stream().mapToDouble(figure).average().orElse(Double.NaN);
  }

  private double wins(PolicyName name, ToDoubleFunction<PolicyRace.Result> time) {
    return rows.stream().filter(row -> isAhead(row, name, time)).count();
  }

  private double confirmedWins(PolicyName name) {
    return rows.stream()
        .filter(row -> isAhead(row, name, PolicyRace.Result::ideal))
        .filter(row -> isAhead(row, name, PolicyRace.Result::median))
        .count();
  }

  private static boolean isAhead(
      Map<PolicyName, PolicyRace.Result> row,
      PolicyName other,
      ToDoubleFunction<PolicyRace.Result> time) {
    double lead = time.applyAsDouble(row.get(other)) / time.applyAsDouble(row.get(OURS)) - 1;
    return lead > TIE;
  }
}
