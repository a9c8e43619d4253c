package org.sparkmoe.train;

import java.io.Serializable;
import java.util.List;
import org.sparkmoe.schedule.sim.Timeline;

/**
 * The plan in use, and how one step ran by it on rank 0.
 *
 * @param step which
 * @param policy that made the plan
 * @param forwardDegrees pipeline degree of each MoE layer, forward
 * @param backwardDegrees the same, backward
 * @param measured when each task of the step's last micro-batch ran, one timeline a graph
 * @param predicted the same by the plan
 */
public record ScheduleTrace(
    long step,
    String policy,
    List<Integer> forwardDegrees,
    List<Integer> backwardDegrees,
    List<Timeline> measured,
    List<Timeline> predicted)
    implements Serializable {

  public ScheduleTrace {
    forwardDegrees = List.copyOf(forwardDegrees);
    backwardDegrees = List.copyOf(backwardDegrees);
    measured = List.copyOf(measured);
    predicted = List.copyOf(predicted);
  }
}
