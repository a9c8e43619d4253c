package org.sparkmoe.schedule.reproduce;

import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.schedule.policy.PolicyName;

/**
 * Sequence length, number of ranks and pipeline parallelism (§6.5), on testbed A alone. The paper's
 * text does not name the model of these figures; each of its three is shown.
 */
final class Sweeps {
  private static final int PIPELINE_STAGES = 2;
  private static final int MICRO_BATCHES = 4;

  private Sweeps() {}

  static String report(Testbed testbed, int depth) {
    if (!testbed.name().equals("A")) {
      return "The paper has no sweeps on this testbed.\n\n";
    }
    double interference = Table5.fittedInterference(testbed, depth);
    MarkdownTable table =
        new MarkdownTable(
            "FSMoE's speed-up: ideal / interference %.3f (simulated)".formatted(interference),
            "over DS-MoE",
            "published",
            "over Tutel",
            "published");
    length(table, testbed, interference, 512, "2.17", "1.17");
    length(table, testbed, interference, 1024, "2.72", "1.19");
    length(table, testbed, interference, 2048, "3.14", "1.17");
    ranks(table, at16(testbed), interference, "2.25", "1.20");
    ranks(table, at32(testbed), interference, "2.27", "1.16");
    return table + "\n" + pipelineParallel(testbed, interference) + "\n";
  }

  private static Testbed at16(Testbed testbed) {
    return testbed.withNodes(
        2,
        new CostModel(testbed.allToAll().alpha(), 1.3057496907e-6),
        new CostModel(testbed.allReduce().alpha(), 2.9156973646e-6));
  }

  private static Testbed at32(Testbed testbed) {
    return testbed.withNodes(
        4,
        new CostModel(testbed.allToAll().alpha(), 1.8543323833e-6),
        new CostModel(testbed.allReduce().alpha(), 3.4950701465e-6));
  }

  private static void length(
      MarkdownTable table,
      Testbed testbed,
      double interference,
      int sequence,
      String... published) {
    for (RealModels model : RealModels.values()) {
      PlannedStep step = model.plan(testbed, sequence);
      String name = "L = %d, P = 48, %s".formatted(sequence, model);
      row(table, name, step, interference, published);
    }
  }

  private static void ranks(
      MarkdownTable table, Testbed testbed, double interference, String... published) {
    for (RealModels model : RealModels.values()) {
      PlannedStep step = model.plan(testbed, RealModels.SEQUENCE);
      String name =
          "L = %d, P = %d, %s"
              .formatted(RealModels.SEQUENCE, testbed.nodes() * testbed.ranksPerNode(), model);
      row(table, name, step, interference, published);
    }
  }

  private static void row(
      MarkdownTable table,
      String name,
      PlannedStep step,
      double interference,
      String... published) {
    table.row(
        name,
        pair(step, PolicyName.DS_MOE, interference),
        published[0],
        pair(step, PolicyName.TUTEL, interference),
        published[1]);
  }

  private static String pair(PlannedStep step, PolicyName other, double interference) {
    return "%.3f / %.3f"
        .formatted(
            step.speedUp(PolicyName.FSMOE, other, 0),
            step.speedUp(PolicyName.FSMOE, other, interference));
  }

  private static String pipelineParallel(Testbed testbed, double interference) {
    MarkdownTable table =
        new MarkdownTable(
            "FSMoE's speed-up with PP = %d: ideal / interference".formatted(PIPELINE_STAGES),
            "GPT2-XL",
            "Mixtral-7B",
            "Mixtral-22B",
            "published");
    String[] published = {"2.46", "1.16", "1.10", "1.12", "1.05"};
    for (PolicyName policy : PolicyName.values()) {
      if (policy.compareTo(PolicyName.FSMOE) < 0) {
        Object[] cells = new Object[RealModels.values().length + 2];
        cells[0] = "over " + policy;
        for (RealModels model : RealModels.values()) {
          cells[model.ordinal() + 1] = pipelined(testbed, model, policy, interference);
        }
        cells[cells.length - 1] = published[policy.ordinal()];
        table.row(cells);
      }
    }
    return ("GPipe with %d micro-batches: m + stages − 1 passes of one stage's layers; gradients are"
                + " summed in the last backward.\n\n")
            .formatted(MICRO_BATCHES)
        + table;
  }

  private static String pipelined(
      Testbed testbed, RealModels model, PolicyName policy, double interference) {
    GPipe stage = GPipe.of(model, testbed, PIPELINE_STAGES, MICRO_BATCHES);
    return "%.3f / %.3f"
        .formatted(
            stage.time(policy, 0) / stage.time(PolicyName.FSMOE, 0),
            stage.time(policy, interference) / stage.time(PolicyName.FSMOE, interference));
  }
}
