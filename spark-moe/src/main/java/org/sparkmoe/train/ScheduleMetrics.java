package org.sparkmoe.train;

import java.io.Serializable;
import java.util.List;

/**
 * How the MoE layers of one step ran against their plan.
 *
 * @param measured milliseconds of the MoE layers a micro-batch, of the slowest rank of the stage
 * @param predicted the same by the plan
 * @param hidden share of the time of communication during which computation ran too, 0 to 1
 * @param laneUse share of the MoE layers' time during which each lane worked, 0 to 1, in the order
 *     of {@link org.sparkmoe.schedule.graph.Lane}
 */
public record ScheduleMetrics(
    double measured, double predicted, double hidden, List<Double> laneUse)
    implements Serializable {

  public ScheduleMetrics {
    laneUse = List.copyOf(laneUse);
  }

  /** By how much the prediction is off, as a share of what was measured; above 0 if too long. */
  public double error() {
    return predicted / measured - 1;
  }
}
