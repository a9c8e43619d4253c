package org.sparkmoe.collective;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;

/**
 * A whole cluster in one process: a factory of communicators for each rank. Nothing has to be
 * connected, so {@link CommunicatorFactory#create} waits for nobody here, and all factories may be
 * used by one thread.
 */
public final class InProcessWorld implements AutoCloseable {
  private record GroupKey(String name, List<Integer> worldRanks, int occurrence) {}

  private final Duration longestTimeout;
  private final Map<GroupKey, MeetingPoint> groups = new ConcurrentHashMap<>();
  private final List<RankFactory> factories;

  private InProcessWorld(int size, Duration longestTimeout) {
    this.longestTimeout = longestTimeout;
    this.factories = IntStream.range(0, size).mapToObj(RankFactory::new).toList();
  }

  /**
   * Makes a world.
   *
   * @param size number of ranks
   * @param longestTimeout caps the timeout of every group
   */
  public static InProcessWorld of(int size, Duration longestTimeout) {
    return new InProcessWorld(size, longestTimeout);
  }

  /** The factory of one rank, from 0. */
  public CommunicatorFactory factory(int rank) {
    return factories.get(rank);
  }

  @Override
  public void close() {
    factories.forEach(RankFactory::close);
  }

  private final class RankFactory implements CommunicatorFactory {
    private final int rank;
    private final Map<String, Integer> occurrences = new HashMap<>();
    private final List<Communicator> made = new CopyOnWriteArrayList<>();

    RankFactory(int rank) {
      this.rank = rank;
    }

    @Override
    public Communicator create(String groupName, List<Integer> worldRanks, Duration timeout) {
      Duration allowed = timeout.compareTo(longestTimeout) < 0 ? timeout : longestTimeout;
      GroupMember member = GroupMember.of(groupName, worldRanks, rank, allowed);
      int occurrence = occurrences.merge(groupName + worldRanks, 1, Integer::sum);
      MeetingPoint meetingPoint =
          groups.computeIfAbsent(
              new GroupKey(groupName, member.worldRanks(), occurrence),
              key -> new MeetingPoint(member.size()));
      Communicator communicator = new InProcessCommunicator(member, meetingPoint);
      made.add(communicator);
      return communicator;
    }

    @Override
    public void close() {
      made.forEach(Communicator::close);
    }
  }
}
