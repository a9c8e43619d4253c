package org.sparkmoe.schedule.policy;

import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;

/**
 * The best pipeline degree of one MoE layer in one direction (paper §4.4).
 *
 * <p>The paper minimises each of the four cases over real r ≥ 1 with SLSQP and rounds. r is a small
 * integer, so this searches the integers: exact, and a thousand times faster.
 *
 * @param degree r
 * @param caseNumber which of the four cases holds, from 1
 * @param time milliseconds of the layer
 */
public record PipelineDegree(int degree, int caseNumber, double time) {

  /**
   * @param layer the layer's work
   * @param costs of its tasks
   * @param direction forward or backward
   * @param gradient milliseconds of Gradient-AllReduce between dispatches and combines (t_gar); 0
   *     in forward
   * @param maxDegree largest r to consider
   */
  public static PipelineDegree search(
      LayerWorkload layer, CostModels costs, Direction direction, double gradient, int maxDegree) {
    PipelineDegree best = at(layer, costs, direction, gradient, 1);
    for (int degree = 2; degree <= maxDegree; degree++) {
      PipelineDegree candidate = at(layer, costs, direction, gradient, degree);
      if (candidate.time < best.time) {
        best = candidate;
      }
    }
    return best;
  }

  private static PipelineDegree at(
      LayerWorkload layer, CostModels costs, Direction direction, double gradient, int degree) {
    FourCases cases = FourCases.of(layer, costs, direction, degree);
    return new PipelineDegree(degree, cases.caseNumber(gradient), cases.time(gradient));
  }
}
