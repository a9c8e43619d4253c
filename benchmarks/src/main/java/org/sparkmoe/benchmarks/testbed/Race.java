package org.sparkmoe.benchmarks.testbed;

import java.io.PrintStream;
import java.util.Collections;
import java.util.Map;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.topology.RankGroups;

/**
 * One rank of the experiment: measures its links, chooses layers and runs every policy on each. All
 * ranks run it at the same time; rank 0 prints the tables.
 */
final class Race {
  private final RaceOptions options;
  private final RankGroups groups;
  private final GraphExecutor lanes;
  private final PrintStream out;

  Race(RaceOptions options, RankGroups groups, GraphExecutor lanes, PrintStream out) {
    this.options = options;
    this.groups = groups;
    this.lanes = lanes;
    this.out = out;
  }

  void run() {
    WorkloadBodies bodies = new WorkloadBodies(groups, options.multiplyAddsPerMilli());
    LinkProfile profile = new LinkProfile(groups, bodies, lanes, options.timeScale);
    Map<TaskKind, Double> largest = profile.largest();
    Map<TaskKind, CostFit> fits = profile.fits(largest);
    CostModels costs = costs(fits);
    double interference = profile.interference(costs, largest);
    TestbedReport report = new TestbedReport(interference);
    print(report.profile(fits));
    PolicyRace race = new PolicyRace(profile, bodies, lanes, options.maxDegree);
    for (LayerChoice choice : LayerChoice.of(costs, options)) {
      Map<PolicyName, PolicyRace.Result> results =
          race.run(
              Collections.nCopies(options.depth, choice.layer()),
              costs,
              interference,
              options.rounds);
      print(report.row(choice, results));
      bodies.clear();
    }
    print(report.summary());
  }

  private static CostModels costs(Map<TaskKind, CostFit> fits) {
    return new CostModels(
        fits.get(TaskKind.DISPATCH).model(),
        fits.get(TaskKind.ALL_GATHER).model(),
        fits.get(TaskKind.REDUCE_SCATTER).model(),
        fits.get(TaskKind.GRADIENT_ALL_REDUCE).model(),
        fits.get(TaskKind.EXPERT).model(),
        fits.get(TaskKind.ATTENTION).model());
  }

  private void print(String text) {
    if (groups.rank() == 0) {
      out.println(text);
    }
  }
}
