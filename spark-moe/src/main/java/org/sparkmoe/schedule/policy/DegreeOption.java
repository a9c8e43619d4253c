package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;

/**
 * What a MoE layer costs at one degree. With an all-reduce of t ms between dispatches and combines
 * it takes max(time, time − window + t): the slice is free up to the window and costs its full
 * length beyond.
 *
 * @param degree r
 * @param time milliseconds without an all-reduce
 * @param window milliseconds of all-reduce that it hides
 */
record DegreeOption(int degree, double time, double window) {

  /** By the four cases: intra-node communication has a lane of its own. */
  static List<DegreeOption> byFormula(
      LayerWorkload layer, CostModels costs, Direction direction, int maxDegree) {
    List<DegreeOption> options = new ArrayList<>();
    for (int degree = 1; degree <= maxDegree; degree++) {
      FourCases cases = FourCases.of(layer, costs, direction, degree);
      options.add(new DegreeOption(degree, cases.time(0), cases.overlappable()));
    }
    return options;
  }

  /** For one communication lane, where all four collectives of a chunk queue. */
  static List<DegreeOption> onOneCommunicationLane(
      LayerWorkload layer, CostModels costs, Direction direction, int maxDegree) {
    List<DegreeOption> options = new ArrayList<>();
    for (int degree = 1; degree <= maxDegree; degree++) {
      options.add(onOneCommunicationLane(FourCases.of(layer, costs, direction, degree)));
    }
    return options;
  }

  /**
   * Order in the communication lane: dispatch and AllGather of every chunk, the all-reduce, then
   * ReduceScatter and combine of every chunk.
   */
  private static DegreeOption onOneCommunicationLane(FourCases chunk) {
    double inbound = chunk.allToAll() + chunk.allGather();
    double outbound = chunk.reduceScatter() + chunk.allToAll();
    double inboundEnd = chunk.degree() * inbound;
    double expertEnd = 0;
    double laneEnd = inboundEnd;
    for (int j = 0; j < chunk.degree(); j++) {
      expertEnd = Math.max(expertEnd, (j + 1) * inbound) + chunk.expert();
      laneEnd = Math.max(laneEnd, expertEnd) + outbound;
    }
    return new DegreeOption(
        chunk.degree(), laneEnd, laneEnd - inboundEnd - chunk.degree() * outbound);
  }

  /** The fastest without an all-reduce, the smallest degree among equals. */
  static DegreeOption fastest(List<DegreeOption> options) {
    return options.stream()
        .min(Comparator.comparingDouble(DegreeOption::time).thenComparing(DegreeOption::degree))
        .orElseThrow();
  }
}
