package org.sparkmoe.collective;

import java.time.Duration;
import java.util.Locale;

/**
 * One operation of one rank that has begun: what failures say of it.
 *
 * @param member who
 * @param name what
 * @param beginNanos when it left the queue, of {@link System#nanoTime}
 */
record Operation(GroupMember member, String name, long beginNanos) {

  static Operation begin(GroupMember member, String name) {
    return new Operation(member, name, System.nanoTime());
  }

  /** How much of the timeout is left; negative when it is over. */
  long remainingNanos() {
    return member.timeout().toNanos() - (System.nanoTime() - beginNanos);
  }

  CollectiveException timedOut(String detail) {
    return new CollectiveException(
        "%s timed out after %s (timeout %s)%s"
            .formatted(member.describe(name), elapsed(), seconds(member.timeout()), detail));
  }

  CollectiveException failed(String reason) {
    return new CollectiveException(
        "%s failed after %s: %s".formatted(member.describe(name), elapsed(), reason));
  }

  CollectiveException failed(Throwable cause) {
    return new CollectiveException(failed(String.valueOf(cause.getMessage())).getMessage(), cause);
  }

  private String elapsed() {
    return seconds(Duration.ofNanos(System.nanoTime() - beginNanos));
  }

  private static String seconds(Duration duration) {
    return String.format(Locale.ROOT, "%.2f s", duration.toNanos() / 1e9);
  }
}
