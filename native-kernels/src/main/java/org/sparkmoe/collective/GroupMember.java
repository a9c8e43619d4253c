package org.sparkmoe.collective;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One rank's membership of a group, in the words of error messages, which speak of world ranks.
 *
 * @param group name of the group
 * @param worldRanks world ranks of the members, ascending
 * @param index this rank's place in {@code worldRanks}
 * @param timeout of one operation
 */
record GroupMember(String group, List<Integer> worldRanks, int index, Duration timeout) {

  static GroupMember of(String group, List<Integer> worldRanks, int worldRank, Duration timeout) {
    List<Integer> ascending = worldRanks.stream().sorted().distinct().toList();
    if (!ascending.equals(worldRanks) || !worldRanks.contains(worldRank)) {
      throw new IllegalArgumentException(
          "group %s: ranks %s must be ascending and hold this rank, %d"
              .formatted(group, worldRanks, worldRank));
    }
    if (timeout.isZero() || timeout.isNegative()) {
      throw new IllegalArgumentException(
          "group %s: timeout %s must be positive".formatted(group, timeout));
    }
    return new GroupMember(group, ascending, worldRanks.indexOf(worldRank), timeout);
  }

  int size() {
    return worldRanks.size();
  }

  int worldRank() {
    return worldRanks.get(index);
  }

  /** For example {@code rank 5: allToAll in group ep [1, 5]}. */
  String describe(String operation) {
    return "rank %d: %s in group %s %s".formatted(worldRank(), operation, group, worldRanks);
  }

  /** World ranks of some members, for example {@code rank 1, rank 5}. */
  String name(IntStream members) {
    return members.mapToObj(i -> "rank " + worldRanks.get(i)).collect(Collectors.joining(", "));
  }
}
