package org.sparkmoe.schedule.reproduce;

import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.schedule.policy.PolicyName;

/**
 * Pipeline parallelism over a model's layers: every micro-batch passes all stages forward, then
 * backward; only the last backward sums gradients.
 *
 * @param summing one stage on one micro-batch, with gradient sums
 * @param accumulating the same without gradient sums
 */
record GPipe(PlannedStep summing, PlannedStep accumulating, int stages, int microBatches) {

  static GPipe of(RealModels model, Testbed testbed, int stages, int microBatches) {
    CostModel free = new CostModel(0, 0);
    Testbed quiet = testbed.withNodes(testbed.nodes(), testbed.allToAll(), free);
    int depth = model.layers() / stages;
    return new GPipe(
        model.plan(testbed, RealModels.SEQUENCE, depth, RealModels.PAPER),
        model.plan(quiet, RealModels.SEQUENCE, depth, RealModels.PAPER),
        stages,
        microBatches);
  }

  double time(PolicyName policy, double interference) {
    double microBatch = accumulating.time(policy, interference);
    double sums = summing.time(policy, interference) - microBatch;
    return (microBatches + stages - 1) * microBatch + Math.max(0, sums);
  }
}
