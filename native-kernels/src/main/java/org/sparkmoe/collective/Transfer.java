package org.sparkmoe.collective;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One send or receive of an AlltoAll.
 *
 * @param direction whether rows leave {@code input} or arrive in {@code output}
 * @param peer rank in the group
 * @param firstRow where the rows lie in that tensor
 * @param rows how many, at least one
 */
record Transfer(Direction direction, int peer, long firstRow, long rows) {
  enum Direction {
    SEND,
    RECEIVE
  }

  /**
   * The sends and receives of one rank. It starts with itself and goes on to the next ranks, so
   * that not all ranks send to rank 0 first. Nothing is planned for zero rows; sender and receiver
   * agree on that, because they agree on the number.
   *
   * @param rank of this rank
   * @param outputRows rows that come from each rank
   * @param inputRows rows that go to each rank
   */
  static List<Transfer> allToAll(int rank, long[] outputRows, long[] inputRows) {
    List<Transfer> transfers = new ArrayList<>();
    int size = inputRows.length;
    for (int step = 0; step < size; step++) {
      int to = (rank + step) % size;
      int from = (rank - step + size) % size;
      if (inputRows[to] > 0) {
        transfers.add(new Transfer(Direction.SEND, to, before(inputRows, to), inputRows[to]));
      }
      if (outputRows[from] > 0) {
        transfers.add(
            new Transfer(Direction.RECEIVE, from, before(outputRows, from), outputRows[from]));
      }
    }
    return transfers;
  }

  private static long before(long[] rows, int rank) {
    return Arrays.stream(rows, 0, rank).sum();
  }
}
