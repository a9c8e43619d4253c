package org.sparkmoe.schedule.policy;

import java.util.List;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.sim.Simulator;

/**
 * A whole training step of a stack of layers as one policy schedules it. Backward starts when
 * forward has ended.
 *
 * <p>Task ids: {@code f2.dispatch.0} is chunk 0 in layer 2 forward, {@code b2.dispatch.0} backward;
 * {@code gradient_all_reduce.0} the first slice of dense gradients. In a MoE layer a chunk passes
 * {@code dispatch, all_gather, expert, reduce_scatter, combine} in both directions.
 *
 * @param policy its name
 * @param forward all layers, first to last
 * @param backward all layers, last to first, and every Gradient-AllReduce
 * @param forwardDegrees chunks of each layer's experts in forward
 * @param backwardDegrees chunks of each layer's experts in backward
 */
public record StepPlan(
    String policy,
    TaskGraph forward,
    TaskGraph backward,
    List<Integer> forwardDegrees,
    List<Integer> backwardDegrees) {

  public StepPlan {
    forwardDegrees = List.copyOf(forwardDegrees);
    backwardDegrees = List.copyOf(backwardDegrees);
  }

  /** Whether chunks flow through whole blocks, gates included, as a model runs them. */
  public boolean flowsThroughBlocks() {
    return forward.tasks().stream().anyMatch(task -> task.kind() == TaskKind.GATE);
  }

  /** Predicted milliseconds of the step on ideal lanes. */
  public double time(CostModels costs) {
    Simulator simulator = Simulator.ideal(costs);
    return simulator.makespan(forward) + simulator.makespan(backward);
  }

  /** Predicted milliseconds of the step when busy lanes slow each other. */
  public double time(CostModels costs, double interference) {
    Simulator simulator = Simulator.withInterference(costs, interference);
    return simulator.makespan(forward) + simulator.makespan(backward);
  }
}
