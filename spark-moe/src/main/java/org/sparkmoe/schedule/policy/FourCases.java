package org.sparkmoe.schedule.policy;

import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;

/**
 * The paper's closed form for the time of one MoE layer on three lanes (§4.3): the conditions Q1 to
 * Q7 choose one of four cases. All times are milliseconds of one chunk of {@code degree}.
 *
 * @param degree r
 * @param allToAll t_a2a,r
 * @param allGather t_ag,r
 * @param reduceScatter t_rs,r
 * @param expert t_exp,r
 */
record FourCases(
    int degree, double allToAll, double allGather, double reduceScatter, double expert) {

  static FourCases of(LayerWorkload layer, CostModels costs, Direction direction, int degree) {
    return new FourCases(
        degree,
        costs.allToAll().time(layer.allToAll() / degree),
        costs.allGather().time(layer.intraNode() / degree),
        costs.reduceScatter().time(layer.intraNode() / degree),
        costs.time(direction.expert(), layer.expert() / degree));
  }

  /** 1: inter-node, 2: experts, 3: AlltoAll with a small all-reduce, 4: intra-node dominates. */
  int caseNumber(double gradient) {
    boolean q1 = allToAll > allGather;
    boolean q2 = degree * expert > 2 * (degree - 1) * allToAll;
    boolean q3 = degree * expert > (degree - 1) * intraNode();
    boolean q4 = gradient > intraNode();
    boolean q5 = gradient > degree * expert - 2 * (degree - 1) * allToAll + intraNode();
    boolean q6 = gradient > degree * intraNode() - 2 * (degree - 1) * allToAll;
    boolean q7 = q5;
    if ((q1 && !q2 && q4) || (q1 && q2 && q5) || (!q1 && !q3 && q6) || (!q1 && q3 && q7)) {
      return 1;
    }
    if ((q1 && q2) || (!q1 && q3)) {
      return 2;
    }
    return q1 ? 3 : 4;
  }

  /** Milliseconds of the layer with an all-reduce of {@code gradient} ms in its middle. */
  double time(double gradient) {
    return switch (caseNumber(gradient)) {
      case 1 -> interNode() + gradient;
      case 2 -> 2 * allToAll + intraNode() + degree * expert;
      case 3 -> interNode() + intraNode();
      default -> 2 * allToAll + degree * intraNode();
    };
  }

  /** t_olp,moe (§5): the longest all-reduce that the layer hides. */
  double overlappable() {
    return switch (caseNumber(0)) {
      case 1 -> 0;
      case 2 -> degree * expert + intraNode() - 2 * (degree - 1) * allToAll;
      case 3 -> intraNode();
      default -> degree * intraNode() - 2 * (degree - 1) * allToAll;
    };
  }

  private double interNode() {
    return 2 * degree * allToAll;
  }

  private double intraNode() {
    return allGather + reduceScatter;
  }
}
