package org.sparkmoe.collective;

import java.time.Duration;
import java.util.List;

/**
 * Makes this rank's communicators out of the world.
 *
 * <p>Making groups is collective over the whole world: all ranks call {@link #create} in the same
 * order for every group name, each with the group of that name that it is in.
 */
public interface CommunicatorFactory extends AutoCloseable {

  /**
   * Makes the communicator of one group.
   *
   * @param groupName for messages, for example {@code ep}
   * @param worldRanks world ranks of the members, ascending, this rank among them; the rank in the
   *     group is the index in this list
   * @param timeout how long an operation may take
   * @throws IllegalArgumentException if {@code worldRanks} is not ascending or lacks this rank
   * @throws CollectiveException if the group cannot be connected
   */
  Communicator create(String groupName, List<Integer> worldRanks, Duration timeout);

  /** Closes all communicators made here. */
  @Override
  void close();
}
