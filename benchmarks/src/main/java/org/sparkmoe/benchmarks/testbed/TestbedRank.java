package org.sparkmoe.benchmarks.testbed;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.sparkmoe.collective.GlooWorld;
import org.sparkmoe.schedule.cost.CostFit;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.tensor.ComputeThreads;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** One rank of the testbed; see {@code benchmarks/testbed/run}. Rank 0 prints the tables. */
public final class TestbedRank {
  private static final Duration TIMEOUT = Duration.ofSeconds(120);
  private static final int MAX_DEGREE = 8;
  private static final int LAYERS = 2;

  private TestbedRank() {}

  /**
   * @param args node, rank within the node, nodes, ranks per node, address of the node, directory
   *     of the rendezvous, layers for each case, rounds
   */
  public static void main(String[] args) {
    int nodes = Integer.parseInt(args[2]);
    int perNode = Integer.parseInt(args[3]);
    int rank = Integer.parseInt(args[0]) * perNode + Integer.parseInt(args[1]);
    int world = nodes * perNode;
    ComputeThreads.limit(1);
    DirectoryRendezvous rendezvous = new DirectoryRendezvous(Path.of(args[5]), rank, world);
    try (GlooWorld gloo = GlooWorld.join(rank, world, rendezvous, args[4], TIMEOUT);
        GraphExecutor lanes = GraphExecutor.lanes()) {
      Topology topology = new Topology(world, perNode, perNode, nodes, perNode);
      RankGroups groups = RankGroups.create(topology, rank, gloo, TIMEOUT);
      new TestbedRank().run(groups, lanes, Integer.parseInt(args[6]), Integer.parseInt(args[7]));
      groups.world().barrier().await();
    }
  }

  private void run(RankGroups groups, GraphExecutor lanes, int perCase, int rounds) {
    boolean speaks = groups.rank() == 0;
    WorkloadBodies bodies = new WorkloadBodies(groups);
    LinkProfile profile = new LinkProfile(groups, bodies, lanes);
    Map<TaskKind, Double> largest = new LinkedHashMap<>();
    largest.put(TaskKind.DISPATCH, 1e6);
    largest.put(TaskKind.ALL_GATHER, 8e6);
    largest.put(TaskKind.REDUCE_SCATTER, 8e6);
    largest.put(TaskKind.GRADIENT_ALL_REDUCE, 1e6);
    largest.put(TaskKind.EXPERT, 1e9);
    largest.put(TaskKind.ATTENTION, 1e9);
    Map<TaskKind, CostFit> fits = profile.fits(largest);
    CostModels costs =
        new CostModels(
            fits.get(TaskKind.DISPATCH).model(),
            fits.get(TaskKind.ALL_GATHER).model(),
            fits.get(TaskKind.REDUCE_SCATTER).model(),
            fits.get(TaskKind.GRADIENT_ALL_REDUCE).model(),
            fits.get(TaskKind.EXPERT).model(),
            fits.get(TaskKind.ATTENTION).model());
    double interference = profile.interference(costs, largest);
    TestbedReport report = new TestbedReport(interference);
    if (speaks) {
      System.out.println(report.profile(fits));
    }
    PolicyRace race = new PolicyRace(profile, bodies, lanes, MAX_DEGREE);
    for (LayerChoice choice : LayerChoice.of(costs, perCase, MAX_DEGREE)) {
      Map<PolicyName, PolicyRace.Result> results =
          race.run(Collections.nCopies(LAYERS, choice.layer()), costs, interference, rounds);
      if (speaks) {
        System.out.println(report.row(choice, results));
      }
      bodies.clear();
    }
    if (speaks) {
      System.out.println(report.summary());
    }
  }
}
