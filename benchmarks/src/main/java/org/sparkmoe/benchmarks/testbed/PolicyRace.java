package org.sparkmoe.benchmarks.testbed;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.StepPlan;

/** Steps of the same layers under every policy in turn, so that a drift of the machine hits all. */
final class PolicyRace {
  private final LinkProfile clock;
  private final WorkloadBodies bodies;
  private final GraphExecutor lanes;
  private final int maxDegree;

  PolicyRace(LinkProfile clock, WorkloadBodies bodies, GraphExecutor lanes, int maxDegree) {
    this.clock = clock;
    this.bodies = bodies;
    this.lanes = lanes;
    this.maxDegree = maxDegree;
  }

  /**
   * One policy on one stack of layers.
   *
   * @param plan its graphs
   * @param ideal predicted milliseconds of the step, lanes not disturbing each other
   * @param interfering predicted milliseconds with the measured interference
   * @param measured milliseconds of each round, ascending
   */
  record Result(StepPlan plan, double ideal, double interfering, List<Double> measured) {
    double median() {
      return measured.get(measured.size() / 2);
    }
  }

  private record Runner(
      StepPlan plan, Map<String, Runnable> forward, Map<String, Runnable> backward) {}

  Map<PolicyName, Result> run(
      List<LayerWorkload> layers, CostModels costs, double interference, int rounds) {
    Map<PolicyName, Runner> runners = new EnumMap<>(PolicyName.class);
    Map<PolicyName, List<Double>> times = new EnumMap<>(PolicyName.class);
    for (PolicyName name : PolicyName.values()) {
      StepPlan plan = name.policy(maxDegree).plan(layers, costs);
      Runner runner = new Runner(plan, bodies.of(plan.forward()), bodies.of(plan.backward()));
      step(runner);
      runners.put(name, runner);
      times.put(name, new ArrayList<>());
    }
    for (int round = 0; round < rounds; round++) {
      runners.forEach((name, runner) -> times.get(name).add(clock.time(() -> step(runner))));
    }
    Map<PolicyName, Result> results = new EnumMap<>(PolicyName.class);
    runners.forEach(
        (name, runner) -> {
          List<Double> measured = times.get(name);
          Collections.sort(measured);
          results.put(
              name,
              new Result(
                  runner.plan(),
                  runner.plan().time(costs),
                  runner.plan().time(costs, interference),
                  List.copyOf(measured)));
        });
    return results;
  }

  private void step(Runner runner) {
    lanes.run(runner.plan().forward(), runner.forward());
    lanes.run(runner.plan().backward(), runner.backward());
  }
}
