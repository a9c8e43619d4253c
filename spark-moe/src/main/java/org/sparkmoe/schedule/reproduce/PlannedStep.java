package org.sparkmoe.schedule.reproduce;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.StepPlan;
import org.sparkmoe.schedule.sim.CompiledGraph;

/**
 * A stack of equal layers, planned by several policies and ready to be simulated many times.
 *
 * @param shape of each layer
 * @param layer its work
 * @param costs its cost models
 * @param depth number of layers
 * @param schedules by policy
 */
record PlannedStep(
    LayerShape shape,
    LayerWorkload layer,
    CostModels costs,
    int depth,
    Map<PolicyName, Schedule> schedules) {

  /** Largest pipeline degree that any policy may choose. */
  static final int MAX_DEGREE = 16;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final double NANOS_PER_MILLI = 1e6;

  /**
   * One policy's plan.
   *
   * @param planning milliseconds of CPU time that planning took
   */
  record Schedule(StepPlan plan, CompiledGraph forward, CompiledGraph backward, double planning) {

    double time(double interference) {
      return forward.makespan(interference) + backward.makespan(interference);
    }
  }

  static PlannedStep of(Testbed testbed, LayerShape shape, int depth, List<PolicyName> policies) {
    LayerWorkload layer = testbed.workload(shape);
    CostModels costs = testbed.models(shape);
    List<LayerWorkload> layers = Collections.nCopies(depth, layer);
    Map<PolicyName, Schedule> schedules = new EnumMap<>(PolicyName.class);
    for (PolicyName name : policies) {
      long start = THREADS.getCurrentThreadCpuTime();
      StepPlan plan = name.policy(MAX_DEGREE).plan(layers, costs);
      double planning = (THREADS.getCurrentThreadCpuTime() - start) / NANOS_PER_MILLI;
      schedules.put(
          name,
          new Schedule(
              plan,
              CompiledGraph.of(plan.forward(), costs),
              CompiledGraph.of(plan.backward(), costs),
              planning));
    }
    return new PlannedStep(shape, layer, costs, depth, schedules);
  }

  /** Milliseconds of the step. */
  double time(PolicyName policy, double interference) {
    return schedule(policy).time(interference);
  }

  /** How many times faster {@code policy} is than {@code other}. */
  double speedUp(PolicyName policy, PolicyName other, double interference) {
    return time(other, interference) / time(policy, interference);
  }

  Schedule schedule(PolicyName policy) {
    Schedule schedule = schedules.get(policy);
    if (schedule == null) {
      throw new IllegalArgumentException(
          "%s was not planned, only %s".formatted(policy, schedules.keySet()));
    }
    return schedule;
  }
}
