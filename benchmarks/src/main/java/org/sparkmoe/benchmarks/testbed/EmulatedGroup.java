package org.sparkmoe.benchmarks.testbed;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the ranks of one group share: when each of their operations is through. */
final class EmulatedGroup {
  private final EmulatedLinks links;
  private final List<Integer> ranks;
  private final Map<Long, Transfer> underWay = new HashMap<>();

  /** One operation of the group. */
  private static final class Transfer {
    private boolean begun;
    private long readyNanos;
    private long endNanos;
    private int left;
  }

  EmulatedGroup(EmulatedLinks links, List<Integer> ranks) {
    this.links = links;
    this.ranks = List.copyOf(ranks);
  }

  /** A rank begins its operation number {@code operation}. */
  synchronized void ready(long operation, long nanos) {
    Transfer transfer = underWay.computeIfAbsent(operation, number -> new Transfer());
    if (!transfer.begun || nanos - transfer.readyNanos > 0) {
      transfer.readyNanos = nanos;
      transfer.begun = true;
    }
  }

  /**
   * When the operation is through. Every rank asks once, after all have been {@link #ready}.
   *
   * @param bytes that each rank sends
   */
  synchronized long end(long operation, double bytes) {
    Transfer transfer = underWay.get(operation);
    if (transfer == null) {
      throw new IllegalStateException(
          "operation %d of %s has not begun".formatted(operation, ranks));
    }
    if (transfer.left == 0) {
      transfer.endNanos = links.transfer(ranks, bytes, transfer.readyNanos);
    }
    if (++transfer.left == ranks.size()) {
      underWay.remove(operation);
    }
    return transfer.endNanos;
  }
}
