package org.sparkmoe.topology;

import org.sparkmoe.collective.Communicator;

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
 */
public record RankGroups(
    Topology topology,
    int rank,
    Communicator world,
    Communicator mp,
    Communicator dp,
    Communicator ep,
    Communicator esp,
    Communicator edp) {

  /** Aborts every group, so that no rank stays blocked. */
  public void abort(String reason) {
    for (Communicator group : new Communicator[] {world, mp, dp, ep, esp, edp}) {
      group.abort(reason);
    }
  }
}
