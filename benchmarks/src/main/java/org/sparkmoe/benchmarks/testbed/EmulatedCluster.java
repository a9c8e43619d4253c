package org.sparkmoe.benchmarks.testbed;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.CommunicatorFactory;
import org.sparkmoe.collective.InProcessWorld;

/** Ranks as threads of this process, with the links of a cluster between them. */
final class EmulatedCluster implements AutoCloseable {
  private final InProcessWorld world;
  private final EmulatedLinks links;
  private final Map<String, EmulatedGroup> groups = new HashMap<>();

  EmulatedCluster(int ranks, EmulatedLinks links, Duration timeout) {
    this.world = InProcessWorld.of(ranks, timeout);
    this.links = links;
  }

  /** The factory of one rank, from 0. */
  CommunicatorFactory factory(int rank) {
    return new Factory(rank, world.factory(rank));
  }

  private synchronized EmulatedGroup group(String name, List<Integer> ranks) {
    return groups.computeIfAbsent(name + ranks, key -> new EmulatedGroup(links, ranks));
  }

  @Override
  public void close() {
    world.close();
  }

  private final class Factory implements CommunicatorFactory {
    private final int rank;
    private final CommunicatorFactory real;
    private final List<Communicator> made = new ArrayList<>();
    private final Map<String, Integer> occurrences = new HashMap<>();

    Factory(int rank, CommunicatorFactory real) {
      this.rank = rank;
      this.real = real;
    }

    @Override
    public Communicator create(String groupName, List<Integer> worldRanks, Duration timeout) {
      Communicator inProcess = real.create(groupName, worldRanks, timeout);
      int occurrence = occurrences.merge(groupName + worldRanks, 1, Integer::sum);
      EmulatedGroup group = group(groupName + occurrence, worldRanks);
      Communicator communicator =
          new EmulatedCommunicator(inProcess, group, groupName + "-" + rank);
      made.add(communicator);
      return communicator;
    }

    @Override
    public void close() {
      made.forEach(Communicator::close);
    }
  }
}
