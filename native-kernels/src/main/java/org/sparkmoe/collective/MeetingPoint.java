package org.sparkmoe.collective;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Where the threads of one group meet: each brings a contribution and leaves with those of all. A
 * meeting after the work, in which nobody brings anything, tells everyone that his tensors are no
 * longer being read or written by peers.
 */
final class MeetingPoint {

  /**
   * What a rank brings.
   *
   * @param signature operation, dtype and size, which must agree between ranks
   * @param input what peers read or, of an operation in place, also write
   * @param inputRows rows for each rank, of an AlltoAll
   */
  record Contribution(String signature, @Nullable Tensor input, long[] inputRows) {}

  private static final class Round {
    final @Nullable Contribution[] contributions;
    int arrived;

    Round(int size) {
      contributions = new @Nullable Contribution[size];
    }

    boolean complete() {
      return arrived == contributions.length;
    }
  }

  private final int size;
  private Round current;
  private @Nullable String abortReason;

  MeetingPoint(int size) {
    this.size = size;
    this.current = new Round(size);
  }

  /**
   * Blocks until all ranks are here.
   *
   * @throws CollectiveException on timeout, abort, or when signatures differ
   */
  synchronized Contribution[] meet(Operation operation, Contribution mine) {
    Round round = current;
    round.contributions[operation.member().index()] = mine;
    round.arrived++;
    if (round.complete()) {
      current = new Round(size);
      notifyAll();
    }
    while (!round.complete()) {
      if (abortReason != null) {
        throw operation.failed("the group was aborted: " + abortReason);
      }
      long millis = millisLeft(operation, round);
      try {
        wait(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw operation.failed(e);
      }
    }
    Contribution[] all = Arrays.copyOf(round.contributions, size, Contribution[].class);
    refuseDifferent(operation, all);
    return all;
  }

  synchronized void abort(String reason) {
    if (abortReason == null) {
      abortReason = reason;
      notifyAll();
    }
  }

  private long millisLeft(Operation operation, Round round) {
    long millis = operation.remainingNanos() / 1_000_000;
    if (millis <= 0) {
      IntStream missing =
          IntStream.range(0, size).filter(rank -> round.contributions[rank] == null);
      throw operation.timedOut(", waiting for " + operation.member().name(missing));
    }
    return millis;
  }

  private static void refuseDifferent(Operation operation, Contribution[] all) {
    for (int rank = 1; rank < all.length; rank++) {
      if (!all[rank].signature().equals(all[0].signature())) {
        throw operation.failed(
            "%s calls %s and %s calls %s: all ranks must issue the same operations in one order"
                .formatted(
                    operation.member().name(IntStream.of(0)),
                    all[0].signature(),
                    operation.member().name(IntStream.of(rank)),
                    all[rank].signature()));
      }
    }
  }
}
