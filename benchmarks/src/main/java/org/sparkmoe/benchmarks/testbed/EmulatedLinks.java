package org.sparkmoe.benchmarks.testbed;

import java.time.Duration;
import java.util.List;

/**
 * The links of a cluster in one process: each node has one to the other nodes and one between its
 * own ranks, and each carries one transfer at a time.
 */
final class EmulatedLinks {
  private final int ranksPerNode;
  private final LinkSpeed interNode;
  private final LinkSpeed intraNode;

  /** When each node's link is free again, of {@link System#nanoTime}. */
  private final long[] interNodeFree;

  private final long[] intraNodeFree;

  EmulatedLinks(int nodes, int ranksPerNode, LinkSpeed interNode, LinkSpeed intraNode) {
    this.ranksPerNode = ranksPerNode;
    this.interNode = interNode;
    this.intraNode = intraNode;
    this.interNodeFree = new long[nodes];
    this.intraNodeFree = new long[nodes];
  }

  /**
   * Holds the links between {@code ranks} for a transfer and returns when it is through.
   *
   * @param ranks that take part, of the world
   * @param bytes that each of them sends
   * @param readyNanos when the last of them was ready
   */
  synchronized long transfer(List<Integer> ranks, double bytes, long readyNanos) {
    int[] nodes = ranks.stream().mapToInt(rank -> rank / ranksPerNode).distinct().toArray();
    boolean inside = nodes.length == 1;
    long[] free = inside ? intraNodeFree : interNodeFree;
    Duration time = (inside ? intraNode : interNode).time(bytes);
    long start = readyNanos;
    for (int node : nodes) {
      // nanoTime may begin anywhere: only differences tell.
      start = free[node] - start > 0 ? free[node] : start;
    }
    long end = start + time.toNanos();
    for (int node : nodes) {
      free[node] = end;
    }
    return end;
  }
}
