package org.sparkmoe.collective;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.sparkmoe.collective.Transfer.Direction;

class TransferTest {
  @Example
  void rowsLieWhereTheContractSays() {
    assertThat(Transfer.allToAll(1, new long[] {3, 0, 2}, new long[] {0, 0, 4}))
        .containsExactly(
            new Transfer(Direction.SEND, 2, 0, 4),
            new Transfer(Direction.RECEIVE, 0, 0, 3),
            new Transfer(Direction.RECEIVE, 2, 3, 2));
  }

  /** Following the plans of all ranks by hand gives what the contract promises. */
  @Property(tries = 100)
  void thePlansOfAllRanksTogetherMoveEveryBlockToItsPlace(
      @ForAll @IntRange(min = 1, max = 6) int size, @ForAll long seed) {
    Random random = new Random(seed);
    long[][] rows = new long[size][size];
    for (long[] row : rows) {
      Arrays.setAll(row, i -> random.nextInt(4));
    }
    for (int rank = 0; rank < size; rank++) {
      int r = rank;
      long[] received = IntStream.range(0, size).mapToLong(from -> rows[from][r]).toArray();
      long covered = 0;
      for (Transfer t : Transfer.allToAll(rank, received, rows[rank])) {
        long[] counts = t.direction() == Direction.SEND ? rows[rank] : received;
        assertThat(t.rows()).isPositive().isEqualTo(counts[t.peer()]);
        assertThat(t.firstRow()).isEqualTo(Arrays.stream(counts, 0, t.peer()).sum());
        covered += t.direction() == Direction.RECEIVE ? t.rows() : 0;
        if (t.direction() == Direction.SEND) {
          List<Transfer> theirs =
              Transfer.allToAll(
                  t.peer(),
                  IntStream.range(0, size).mapToLong(from -> rows[from][t.peer()]).toArray(),
                  rows[t.peer()]);
          assertThat(theirs)
              .anyMatch(
                  x -> x.direction() == Direction.RECEIVE && x.peer() == r && x.rows() == t.rows());
        }
      }
      assertThat(covered).isEqualTo(Arrays.stream(received).sum());
    }
  }
}
