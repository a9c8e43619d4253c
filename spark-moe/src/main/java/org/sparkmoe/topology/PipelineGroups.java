package org.sparkmoe.topology;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.CommunicatorFactory;

/**
 * One rank's groups along the pipeline.
 *
 * <p><b>Links.</b> Between the ranks with one place in two neighbouring stages lies a {@link Link}.
 * A message from one stage to the next is a Broadcast in a group of two. It moves the bytes once,
 * from one to the other, as a send and a receive would, on every transport, so communicators need
 * no further operation. (An uneven AlltoAll with one empty direction would do as well, but has to
 * plan and compare row counts.) Forward and backward have a group each: a group's operations are in
 * the same order on both of its ranks, which holds within a direction, where micro-batches follow
 * each other, but not between them.
 *
 * @param index this rank's stage, from 0
 * @param stages N_PP
 * @param column the ranks with this rank's place in every stage, in their order
 * @param ends the ranks of the first and of the last stage, on those; a group of one on others
 * @param previous to the stage before; groups of one on the first stage
 * @param next to the stage after; groups of one on the last stage
 */
public record PipelineGroups(
    int index, int stages, Communicator column, Communicator ends, Link previous, Link next) {

  /**
   * The two groups of a pair of ranks in neighbouring stages; index 0 is the earlier stage's.
   *
   * @param forward carries activations, from index 0
   * @param backward carries their gradients, from index 1
   */
  public record Link(Communicator forward, Communicator backward) {
    /** Index in both groups of the rank in the earlier stage. */
    public static final int EARLIER = 0;

    /** Index in both groups of the rank in the later stage. */
    public static final int LATER = 1;
  }

  /** The groups of a rank in the only stage, of which {@code world} are the ranks. */
  static PipelineGroups oneStage(Communicator world) {
    Communicator solo = new SoloCommunicator(world.timeout());
    Link none = new Link(solo, solo);
    return new PipelineGroups(0, 1, solo, world, none, none);
  }

  /** As {@link RankGroups#create}, for two stages or more. */
  static PipelineGroups create(
      Topology topology, int rank, CommunicatorFactory factory, Duration timeout) {
    Maker maker = new Maker(topology, rank, factory, timeout);
    // Links of even stages to their next, then those of odd stages: a rank has one of each at most.
    List<Link> links = List.of(maker.link(0), maker.link(1));
    int index = topology.stage(rank);
    return new PipelineGroups(
        index,
        topology.nPp(),
        factory.create("pp", topology.ppGroup(rank), timeout),
        factory.create("pp-ends", maker.ends(), timeout),
        links.get((index + 1) % 2),
        links.get(index % 2));
  }

  private record Maker(Topology topology, int rank, CommunicatorFactory factory, Duration timeout) {

    /** This rank's link among those that start at stages of {@code parity}. */
    Link link(int parity) {
      List<Integer> pair = pair(parity);
      return new Link(
          factory.create("pp-forward-" + parity, pair, timeout),
          factory.create("pp-backward-" + parity, pair, timeout));
    }

    private List<Integer> pair(int parity) {
      int stage = topology.stage(rank);
      int start = stage % 2 == parity ? stage : stage - 1;
      if (start < 0 || start + 1 >= topology.nPp()) {
        return List.of(rank);
      }
      List<Integer> column = topology.ppGroup(rank);
      return List.of(column.get(start), column.get(start + 1));
    }

    private List<Integer> ends() {
      int last = topology.nPp() - 1;
      int stage = topology.stage(rank);
      if (stage > 0 && stage < last) {
        return List.of(rank);
      }
      int size = topology.stageSize();
      return Stream.of(0, last * size)
          .flatMap(first -> IntStream.range(first, first + size).boxed())
          .toList();
    }
  }

  /** Whether this rank is in the first stage, which reads the tokens. */
  public boolean isFirst() {
    return index == 0;
  }

  /** Whether this rank is in the last stage, which has the loss. */
  public boolean isLast() {
    return index == stages - 1;
  }

  /** Aborts every group. */
  void abort(String reason) {
    List<Communicator> groups = new ArrayList<>(List.of(column, ends));
    Stream.of(previous, next).forEach(link -> groups.addAll(List.of(link.forward, link.backward)));
    groups.forEach(group -> group.abort(reason));
  }
}
