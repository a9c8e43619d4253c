package org.sparkmoe.topology;

import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * How many ranks, how they are grouped and how they meet; keys {@code cluster.*}.
 *
 * @param ranks P
 * @param ranksPerNode G, ranks that count as one node
 * @param pp N_PP, pipeline stages
 * @param mp N_MP
 * @param ep N_EP
 * @param esp N_ESP
 * @param threadsPerRank CPU threads of a rank, or {@code auto}
 * @param bindAddress address that ranks exchange tensors on, or {@code auto}
 * @param startTimeout how long to wait for the executors that the ranks need
 * @param collectiveTimeout how long one collective operation may take
 */
public record ClusterConfig(
    int ranks,
    int ranksPerNode,
    int pp,
    int mp,
    int ep,
    int esp,
    String threadsPerRank,
    String bindAddress,
    Duration startTimeout,
    Duration collectiveTimeout)
    implements Serializable {
  /** The value that leaves a choice to us. */
  public static final String AUTO = "auto";

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public ClusterConfig {
    List<String> problems = new ArrayList<>();
    try {
      new Topology(ranks, ranksPerNode, pp, mp, ep, esp);
    } catch (IllegalArgumentException e) {
      problems.add(
          Arrays.stream(e.getMessage().split("\n"))
              .map(line -> "cluster." + line.replaceFirst("^world is", "ranks is"))
              .collect(Collectors.joining("\n")));
    }
    if (!AUTO.equals(threadsPerRank) && !threadsPerRank.matches("[1-9][0-9]{0,4}")) {
      problems.add(
          "cluster.threads-per-rank is \"%s\", must be auto or a number from 1"
              .formatted(threadsPerRank));
    }
    if (bindAddress.isBlank()) {
      problems.add("cluster.bind-address is blank, must be auto or an address");
    }
    check(problems, "start-timeout", startTimeout);
    check(problems, "collective-timeout", collectiveTimeout);
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("\n", problems));
    }
  }

  private static void check(List<String> problems, String name, Duration timeout) {
    if (timeout.isZero() || timeout.isNegative()) {
      problems.add("cluster.%s is %s, must be above 0".formatted(name, timeout));
    }
  }

  /** Which rank belongs to which group. */
  public Topology topology() {
    return new Topology(ranks, ranksPerNode, pp, mp, ep, esp);
  }
}
