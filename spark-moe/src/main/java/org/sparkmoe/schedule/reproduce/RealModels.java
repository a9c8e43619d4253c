package org.sparkmoe.schedule.reproduce;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.schedule.policy.PolicyName;

/**
 * The paper's real models (§6.4): B = 1, k = 2, f = 1.2. A step is the stack of all layers without
 * embeddings and head.
 */
enum RealModels {
  GPT2_XL("GPT2-XL", 48, 25, 1600, 6400, ExpertType.SIMPLE),
  MIXTRAL_7B("Mixtral-7B", 32, 32, 4096, 14336, ExpertType.MIXTRAL),
  MIXTRAL_22B("Mixtral-22B", 56, 48, 6144, 16384, ExpertType.MIXTRAL);

  /** k·f. */
  private static final double CAPACITY_FACTOR = 2 * 1.2;

  /** The paper's sweeps have their base case there. */
  static final int SEQUENCE = 1024;

  /** All policies but ours. */
  static final List<PolicyName> PAPER =
      Arrays.stream(PolicyName.values()).filter(name -> name != PolicyName.BEST).toList();

  private final String label;
  private final int layers;
  private final int heads;
  private final int modelWidth;
  private final int hiddenWidth;
  private final ExpertType expert;

  RealModels(
      String label, int layers, int heads, int modelWidth, int hiddenWidth, ExpertType expert) {
    this.label = label;
    this.layers = layers;
    this.heads = heads;
    this.modelWidth = modelWidth;
    this.hiddenWidth = hiddenWidth;
    this.expert = expert;
  }

  /** All layers, by the paper's policies. */
  PlannedStep plan(Testbed testbed, int sequence) {
    return plan(testbed, sequence, layers, PAPER);
  }

  PlannedStep plan(Testbed testbed, int sequence, int depth, List<PolicyName> policies) {
    LayerShape shape =
        new LayerShape(1, heads, sequence, modelWidth, hiddenWidth, CAPACITY_FACTOR, expert);
    return PlannedStep.of(testbed, shape, depth, policies);
  }

  int layers() {
    return layers;
  }

  @Override
  public String toString() {
    return label;
  }

  static String report(Testbed testbed, int depth) {
    double interference = Table5.fittedInterference(testbed, depth);
    List<PlannedStep> steps = new ArrayList<>();
    for (RealModels model : values()) {
      steps.add(model.plan(testbed, SEQUENCE, model.layers, List.of(PolicyName.values())));
    }
    return "B = 1, L = %d, k·f = %.1f, all layers of each model.\n\n"
            .formatted(SEQUENCE, CAPACITY_FACTOR)
        + times(steps, interference)
        + "\n"
        + speedUps(steps, interference)
        + "\n";
  }

  private static String times(List<PlannedStep> steps, double interference) {
    MarkdownTable table =
        new MarkdownTable(
            "ms per step: ideal / interference %.3f (simulated)".formatted(interference),
            columns());
    for (PolicyName policy : PolicyName.values()) {
      List<Object> cells = new ArrayList<>(List.of(policy));
      for (PlannedStep step : steps) {
        cells.add("%.1f / %.1f".formatted(step.time(policy, 0), step.time(policy, interference)));
      }
      table.row(cells.toArray());
    }
    return table.toString();
  }

  private static String speedUps(List<PlannedStep> steps, double interference) {
    MarkdownTable table =
        new MarkdownTable(
            "speed-up of FSMoE: ideal / interference",
            columns("mean", "published mean (measured)"));
    for (PolicyName policy : PolicyName.values()) {
      if (PAPER.contains(policy) && policy != PolicyName.FSMOE) {
        List<Object> cells = new ArrayList<>(List.of("over " + policy));
        for (PlannedStep step : steps) {
          cells.add(
              "%.3f / %.3f"
                  .formatted(
                      step.speedUp(PolicyName.FSMOE, policy, 0),
                      step.speedUp(PolicyName.FSMOE, policy, interference)));
        }
        cells.add(
            "%.3f / %.3f".formatted(mean(steps, policy, 0), mean(steps, policy, interference)));
        cells.add(published(policy));
        table.row(cells.toArray());
      }
    }
    return table.toString();
  }

  private static double mean(List<PlannedStep> steps, PolicyName policy, double interference) {
    return steps.stream()
        .mapToDouble(step -> step.speedUp(PolicyName.FSMOE, policy, interference))
        .average()
        .orElseThrow();
  }

  private static String published(PolicyName policy) {
    return switch (policy) {
      case DS_MOE -> "1.28 to 3.01";
      case TUTEL -> "1.19";
      case TUTEL_IMPROVED -> "1.12";
      case PIPEMOE_LINA -> "1.14";
      case FSMOE_NO_IIO -> "1.07";
      case FSMOE, BEST -> "–";
    };
  }

  private static String[] columns(String... more) {
    List<String> columns = new ArrayList<>();
    for (RealModels model : values()) {
      columns.add(model.label);
    }
    columns.addAll(List.of(more));
    return columns.toArray(String[]::new);
  }
}
