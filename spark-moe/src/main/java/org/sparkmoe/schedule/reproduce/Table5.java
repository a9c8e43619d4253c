package org.sparkmoe.schedule.reproduce;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.schedule.policy.PolicyName;

/**
 * Mean speed-ups over the 1458 configured layers.
 *
 * @param testbed where
 * @param steps a stack of each distinct layer
 * @param interference fitted to the published means
 */
record Table5(Testbed testbed, List<PlannedStep> steps, double interference) {
  private static final int SHOWN_LAYERS = 8;
  private static final double AIM_OVER_BOUND = 1.3;

  static Table5 run(Testbed testbed, int depth) {
    List<PlannedStep> steps = plan(testbed, depth, List.of(PolicyName.values()));
    double interference = InterferenceFit.fit(steps, Published.speedUpsOverTutel(testbed.name()));
    return new Table5(testbed, steps, interference);
  }

  static List<PlannedStep> plan(Testbed testbed, int depth, List<PolicyName> policies) {
    return ConfiguredLayers.withSequencesUpTo(Published.longestSequence(testbed.name()))
        .parallelStream()
        .map(shape -> PlannedStep.of(testbed, shape, depth, policies))
        .toList();
  }

  /** The coefficient fitted to this table, which other experiments on the testbed use unchanged. */
  static double fittedInterference(Testbed testbed, int depth) {
    Map<PolicyName, Double> published = Published.speedUpsOverTutel(testbed.name());
    return InterferenceFit.fit(plan(testbed, depth, List.copyOf(published.keySet())), published);
  }

  String report() {
    List<String> parts = new ArrayList<>();
    parts.add(speedUps());
    parts.add(depths());
    parts.add(best());
    parts.add(leastGains());
    parts.add(new FormulaCheck(testbed).report());
    parts.add(planning());
    return String.join("\n", parts) + "\n";
  }

  private String speedUps() {
    Map<PolicyName, Double> published = Published.speedUpsOverTutel(testbed.name());
    MarkdownTable table =
        new MarkdownTable(
            "mean speed-up over Tutel",
            "published (measured)",
            "ours, ideal lanes (simulated)",
            "ours, interference %.3f (simulated)".formatted(interference),
            "difference from published");
    for (PolicyName policy : PolicyName.values()) {
      Double figure = published.get(policy);
      double disturbed = InterferenceFit.meanSpeedUp(steps, policy, interference);
      table.row(
          policy,
          figure == null ? "–" : "%.2f".formatted(figure),
          InterferenceFit.meanSpeedUp(steps, policy, 0),
          disturbed,
          figure == null ? "–" : "%+.3f".formatted(disturbed - figure));
    }
    return "%d layers (%d distinct, each with %d head counts that cost the same), stacks of %d.\n\n"
            .formatted(
                steps.size() * ConfiguredLayers.HEAD_COUNTS,
                steps.size(),
                ConfiguredLayers.HEAD_COUNTS,
                steps.get(0).depth())
        + table;
  }

  /** The paper does not say how many layers its stacks had; this shows how much hangs on it. */
  private String depths() {
    List<PolicyName> policies =
        List.of(
            PolicyName.TUTEL,
            PolicyName.TUTEL_IMPROVED,
            PolicyName.PIPEMOE_LINA,
            PolicyName.FSMOE_NO_IIO,
            PolicyName.FSMOE,
            PolicyName.BEST);
    MarkdownTable table =
        new MarkdownTable(
            "ideal lanes, layers in the stack",
            "tutel-improved",
            "pipemoe-lina",
            "fsmoe-no-iio",
            "fsmoe",
            "best");
    for (int depth : new int[] {1, 2, 4, 8, 24}) {
      List<PlannedStep> stack =
          depth == steps.get(0).depth() ? steps : plan(testbed, depth, policies);
      table.row(
          depth,
          InterferenceFit.meanSpeedUp(stack, PolicyName.TUTEL_IMPROVED, 0),
          InterferenceFit.meanSpeedUp(stack, PolicyName.PIPEMOE_LINA, 0),
          InterferenceFit.meanSpeedUp(stack, PolicyName.FSMOE_NO_IIO, 0),
          InterferenceFit.meanSpeedUp(stack, PolicyName.FSMOE, 0),
          InterferenceFit.meanSpeedUp(stack, PolicyName.BEST, 0));
    }
    return table.toString();
  }

  private String best() {
    MarkdownTable table = Distribution.table("`best`, ideal lanes");
    table.row(overTutel(0).row("speed-up over Tutel"));
    table.row(
        Distribution.of(
                steps.stream()
                    .mapToDouble(step -> step.speedUp(PolicyName.BEST, PolicyName.FSMOE, 0)))
            .row("speed-up over FSMoE"));
    Distribution overBound =
        Distribution.of(steps.stream().mapToDouble(LaneBounds::overBusiestLane));
    table.row(overBound.row("time / busiest lane of its own tasks"));
    table.row(
        Distribution.of(steps.stream().mapToDouble(LaneBounds::overUncutBound))
            .row("time / busiest lane if nothing were cut"));
    table.row(
        Distribution.of(steps.stream().mapToDouble(LaneBounds::limitOverTutel))
            .row("Tutel / busiest lane if nothing were cut: no schedule gains more"));
    table.row(
        overTutel(interference)
            .row("speed-up over Tutel, interference %.3f".formatted(interference)));
    return table
        + "\nAt most %.1f × the busiest lane of its own tasks in %.1f %% of the layers.\n"
            .formatted(AIM_OVER_BOUND, 100 * overBound.atMost(AIM_OVER_BOUND));
  }

  private Distribution overTutel(double coefficient) {
    return Distribution.of(
        steps.parallelStream()
            .mapToDouble(step -> step.speedUp(PolicyName.BEST, PolicyName.TUTEL, coefficient)));
  }

  private String leastGains() {
    MarkdownTable table =
        new MarkdownTable(
            "layers where `best` gains least over Tutel (ideal)",
            "speed-up",
            "most possible",
            "busiest lane forward, backward",
            "start-ups' share of its busiest lane");
    steps.stream()
        .sorted(
            Comparator.comparingDouble(step -> step.speedUp(PolicyName.BEST, PolicyName.TUTEL, 0)))
        .limit(SHOWN_LAYERS)
        .forEach(
            step ->
                table.row(
                    step.shape(),
                    step.speedUp(PolicyName.BEST, PolicyName.TUTEL, 0),
                    LaneBounds.limitOverTutel(step),
                    LaneBounds.busiestLanes(step),
                    "%.0f %%".formatted(100 * LaneBounds.startUpShare(step))));
    return table.toString();
  }

  private String planning() {
    MarkdownTable table =
        new MarkdownTable("planning one stack, ms of one core", "mean", "median", "most");
    for (PolicyName policy : PolicyName.values()) {
      Distribution times =
          Distribution.of(steps.stream().mapToDouble(s -> s.schedule(policy).planning()));
      table.row(policy, times.mean(), times.quantile(0.5), times.quantile(1));
    }
    return table
        + "\nThe paper's SLSQP: 193 ms per layer for the degrees alone. The first plans run uncompiled.\n";
  }
}
