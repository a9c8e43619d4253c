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
 * @param stage the ranks of this rank's pipeline stage; the world where there is one stage
 * @param mp model-parallel group (intra-node traffic)
 * @param dp data-parallel group of the dense shards
 * @param ep expert-parallel group (inter-node traffic)
 * @param esp expert-sharding group (intra-node traffic)
 * @param edp expert-data-parallel group
 * @param epByNode the expert-parallel group again, by node
 * @param pipeline the groups that lead to other stages
 */
public record RankGroups(
    Topology topology,
    int rank,
    Communicator world,
    Communicator stage,
    Communicator mp,
    Communicator dp,
    Communicator ep,
    Communicator esp,
    Communicator edp,
    NodeSplit epByNode,
    PipelineGroups pipeline) {

  /** Without regard to nodes, and without pipeline parallelism. */
  public RankGroups(
      Topology topology,
      int rank,
      Communicator world,
      Communicator mp,
      Communicator dp,
      Communicator ep,
      Communicator esp,
      Communicator edp) {
    this(
        topology,
        rank,
        world,
        world,
        mp,
        dp,
        ep,
        esp,
        edp,
        NodeSplit.flat(ep),
        PipelineGroups.oneStage(world));
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
    boolean staged = topology.nPp() > 1;
    Communicator stage = staged ? maker.make("stage", topology.stageGroup(rank)) : world;
    Communicator mp = maker.make("mp", topology.mpGroup(rank));
    Communicator dp = maker.make("dp", topology.dpGroup(rank));
    Communicator ep = maker.make("ep", topology.epGroup(rank));
    Communicator esp = maker.make("esp", topology.espGroup(rank));
    Communicator edp = maker.make("edp", topology.edpGroup(rank));
    NodeSplit epByNode = NodeSplit.create(topology, rank, ep, factory, timeout);
    PipelineGroups pipeline =
        staged
            ? PipelineGroups.create(topology, rank, factory, timeout)
            : PipelineGroups.oneStage(world);
    return new RankGroups(topology, rank, world, stage, mp, dp, ep, esp, edp, epByNode, pipeline);
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
    for (Communicator group : new Communicator[] {world, stage, mp, dp, ep, esp, edp}) {
      group.abort(reason);
    }
    epByNode.abort(reason);
    pipeline.abort(reason);
  }
}
