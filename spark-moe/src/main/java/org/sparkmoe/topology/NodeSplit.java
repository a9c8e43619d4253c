package org.sparkmoe.topology;

import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.CommunicatorFactory;

/**
 * A rank's expert-parallel group by node, for exchanges in two levels. Rank {@code node · g +
 * place} of the group is in {@code inside} with the g ranks of its node, and in {@code across} with
 * those of its place on every node.
 *
 * <p>Where the nodes hold unequally many ranks of the group there are no such places: every rank
 * then counts as a node of its own.
 *
 * @param inside in the order of places; one rank if no two ranks of the group share a node
 * @param across in the order of nodes; one rank if the whole group is on one node
 */
public record NodeSplit(Communicator inside, Communicator across) {

  /** Every rank of {@code ep} a node of its own. */
  static NodeSplit flat(Communicator ep) {
    return new NodeSplit(new SoloCommunicator(ep.timeout()), ep);
  }

  /** As {@link RankGroups#create}. Connects nothing if no group of the world has two levels. */
  static NodeSplit create(
      Topology topology, int rank, Communicator ep, CommunicatorFactory factory, Duration timeout) {
    boolean anywhere =
        IntStream.range(0, topology.world()).anyMatch(other -> hasTwoLevels(topology, other));
    NodeSplit split =
        perNode(topology, rank) == 1 ? flat(ep) : new NodeSplit(ep, new SoloCommunicator(timeout));
    if (!anywhere) {
      return split;
    }
    // Making groups is collective over the world: ranks without two levels make groups of one.
    boolean here = hasTwoLevels(topology, rank);
    List<Integer> group = here ? topology.epGroup(rank) : List.of(rank);
    Function<Integer, Integer> place = member -> group.indexOf(member) % perNode(topology, rank);
    List<Integer> onNode =
        group.stream().filter(member -> topology.node(member) == topology.node(rank)).toList();
    List<Integer> onPlace =
        group.stream().filter(member -> place.apply(member).equals(place.apply(rank))).toList();
    Communicator inside = factory.create("ep-inside", onNode, timeout);
    Communicator across = factory.create("ep-across", onPlace, timeout);
    return here ? new NodeSplit(inside, across) : split;
  }

  /** g, or 1 if nodes hold unequally many. */
  private static int perNode(Topology topology, int rank) {
    List<Long> counts =
        topology.epGroup(rank).stream()
            .collect(Collectors.groupingBy(topology::node, Collectors.counting()))
            .values()
            .stream()
            .distinct()
            .toList();
    return counts.size() == 1 ? Math.toIntExact(counts.get(0)) : 1;
  }

  private static boolean hasTwoLevels(Topology topology, int rank) {
    int perNode = perNode(topology, rank);
    return perNode > 1 && perNode < topology.nEp();
  }

  /** Whether some ranks of the group share a node and others do not. */
  public boolean hasTwoLevels() {
    return inside.size() > 1 && across.size() > 1;
  }

  /** Aborts both groups. */
  void abort(String reason) {
    inside.abort(reason);
    across.abort(reason);
  }
}
