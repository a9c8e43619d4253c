package org.sparkmoe.topology;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.CommunicatorFactory;

/**
 * One rank's communicators, one for each group it belongs to. Groups of one rank have a
 * communicator of size 1, so callers need no special case.
 *
 * @param topology the layout
 * @param rank this rank in the world, from 0
 * @param world all ranks
 * @param mp model-parallel group (intra-node traffic)
 * @param dp data-parallel group of the dense shards
 * @param ep expert-parallel group (inter-node traffic)
 * @param esp expert-sharding group (intra-node traffic)
 * @param edp expert-data-parallel group
 * @param epByNode the expert-parallel group again, by node
 */
public record RankGroups(
    Topology topology,
    int rank,
    Communicator world,
    Communicator mp,
    Communicator dp,
    Communicator ep,
    Communicator esp,
    Communicator edp,
    NodeSplit epByNode) {

  /** Without regard to nodes. */
  public RankGroups(
      Topology topology,
      int rank,
      Communicator world,
      Communicator mp,
      Communicator dp,
      Communicator ep,
      Communicator esp,
      Communicator edp) {
    this(topology, rank, world, mp, dp, ep, esp, edp, NodeSplit.flat(ep));
  }

  /**
   * Makes this rank's groups. Collective over the world: every rank calls it at the same time.
   * Groups of one rank need no connection, and none is made.
   *
   * @param rank this rank in the world, from 0
   * @param factory connects groups; it owns them
   * @param timeout how long an operation of any group may take
   */
  public static RankGroups create(
      Topology topology, int rank, CommunicatorFactory factory, Duration timeout) {
    GroupMaker maker =
        (name, ranks) ->
            ranks.size() == 1
                ? new SoloCommunicator(timeout)
                : factory.create(name, ranks, timeout);
    List<Integer> everyone = IntStream.range(0, topology.world()).boxed().toList();
    Communicator world = maker.make("world", everyone);
    Communicator mp = maker.make("mp", topology.mpGroup(rank));
    Communicator dp = maker.make("dp", topology.dpGroup(rank));
    Communicator ep = maker.make("ep", topology.epGroup(rank));
    Communicator esp = maker.make("esp", topology.espGroup(rank));
    Communicator edp = maker.make("edp", topology.edpGroup(rank));
    NodeSplit epByNode = NodeSplit.create(topology, rank, ep, factory, timeout);
    return new RankGroups(topology, rank, world, mp, dp, ep, esp, edp, epByNode);
  }

  /** The groups of the only rank. */
  public static RankGroups single() {
    Communicator solo = new SoloCommunicator(Duration.ofSeconds(1));
    return new RankGroups(Topology.single(), 0, solo, solo, solo, solo, solo, solo);
  }

  @FunctionalInterface
  private interface GroupMaker {
    Communicator make(String name, List<Integer> ranks);
  }

  /** Aborts every group, so that no rank stays blocked. */
  public void abort(String reason) {
    for (Communicator group : new Communicator[] {world, mp, dp, ep, esp, edp}) {
      group.abort(reason);
    }
    epByNode.abort(reason);
  }
}
