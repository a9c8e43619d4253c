package org.sparkmoe.benchmarks.testbed;

import org.sparkmoe.topology.Topology;
import picocli.CommandLine.Option;

/** What both testbeds are told: the size of the cluster and of the experiment. */
final class RaceOptions {
  @Option(names = "--nodes", defaultValue = "4", description = "Nodes (${DEFAULT-VALUE}).")
  int nodes;

  @Option(
      names = "--ranks-per-node",
      defaultValue = "2",
      description = "Ranks of a node (${DEFAULT-VALUE}).")
  int ranksPerNode;

  @Option(
      names = "--per-case",
      defaultValue = "3",
      description = "Layers for each of the four cases (${DEFAULT-VALUE}).")
  int perCase;

  @Option(
      names = "--rounds",
      defaultValue = "5",
      description = "Steps of each policy and layer (${DEFAULT-VALUE}).")
  int rounds;

  @Option(
      names = "--depth",
      defaultValue = "2",
      description = "Layers of a step (${DEFAULT-VALUE}).")
  int depth;

  @Option(
      names = "--max-degree",
      defaultValue = "8",
      description = "Largest pipeline degree (${DEFAULT-VALUE}).")
  int maxDegree;

  @Option(
      names = "--compute-rate",
      defaultValue = "3",
      description =
          "Most multiply-adds a rank computes, in 1e9 a second (${DEFAULT-VALUE}); inf for all it"
              + " can.")
  double computeRate;

  @Option(
      names = "--time-scale",
      defaultValue = "1",
      description =
          "How many times slower a rank computes and how many times more work a layer has"
              + " (${DEFAULT-VALUE}).")
  double timeScale;

  /** Multiply-adds that a rank computes in a millisecond at most. */
  double multiplyAddsPerMilli() {
    return computeRate * 1e6 / timeScale;
  }

  int world() {
    return nodes * ranksPerNode;
  }

  /** The paper's scenario: model and expert shards inside a node, experts and data across. */
  Topology topology() {
    return new Topology(world(), ranksPerNode, ranksPerNode, nodes, ranksPerNode);
  }
}
