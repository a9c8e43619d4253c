package org.sparkmoe.benchmarks.testbed;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.PolicyName;

/** Markdown of the race, and the sums over all layers. */
final class TestbedReport {
  private static final PolicyName OURS = PolicyName.FSMOE;

  private final double interference;
  private final List<Double> idealErrors = new ArrayList<>();
  private final List<Double> interferingErrors = new ArrayList<>();
  private int expectedWins;
  private int wins;
  private int layers;

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
    layers++;
    results.values().forEach(this::addErrors);
    compare(results);
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

  private void addErrors(PolicyRace.Result result) {
    idealErrors.add(Math.abs(result.ideal() / result.median() - 1));
    interferingErrors.add(Math.abs(result.interfering() / result.median() - 1));
  }

  private void compare(Map<PolicyName, PolicyRace.Result> results) {
    PolicyRace.Result ours = results.get(OURS);
    results.forEach(
        (name, other) -> {
          if (name != OURS && name != PolicyName.BEST && other.interfering() > ours.interfering()) {
            expectedWins++;
            wins += other.median() > ours.median() ? 1 : 0;
          }
        });
  }

  String summary() {
    return String.format(
        Locale.ROOT,
        "%nlayers: %d. fsmoe predicted ahead of a baseline in %d comparisons, measured ahead in %d.%n"
            + "mean absolute error of predicted step time: %.1f %% on ideal lanes, %.1f %% with interference.",
        layers,
        expectedWins,
        wins,
        100 * mean(idealErrors),
        100 * mean(interferingErrors));
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
  }
}
