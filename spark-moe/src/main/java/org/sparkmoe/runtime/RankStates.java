package org.sparkmoe.runtime;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Where each rank of a stage is, and which failed first. A rank that sees its neighbours' broken
 * connections tells so too, often before the one that broke them: what counts is the first failure
 * that is not the consequence of another.
 */
final class RankStates {

  /** What the driver knows of a rank; nothing before it has told its first phase. */
  private static final class State {
    private @Nullable String host;
    private @Nullable String executor;
    private RankMessage.@Nullable Phase phase;
    private long heardNanos;
    private boolean ended;
    private boolean reported;

    boolean isRunning() {
      return phase != null && !ended;
    }
  }

  /**
   * A rank's failure.
   *
   * @param why what it told, or is said of it
   * @param kind what it says about a restart
   * @param rooted whether a cause of the cause is known
   */
  private record Cause(
      int rank, String host, String why, RankMessage.FailureKind kind, boolean rooted) {

    String text(long lastStep) {
      return "rank %d on %s failed after step %d: %s".formatted(rank, host, lastStep, why);
    }
  }

  private final List<State> states;
  private final List<Cause> causes = new ArrayList<>();

  RankStates(int ranks) {
    states = IntStream.range(0, ranks).mapToObj(rank -> new State()).toList();
  }

  void entered(RankMessage.Entered message) {
    State state = states.get(message.rank());
    state.host = message.host();
    state.executor = message.executor();
    state.phase = message.phase();
    heard(message.rank());
  }

  void heard(int rank) {
    states.get(rank).heardNanos = System.nanoTime();
  }

  void ended(int rank) {
    states.get(rank).ended = true;
  }

  void failed(RankMessage.Failed message) {
    State state = states.get(message.rank());
    if (!state.reported) {
      state.reported = true;
      causes.add(
          new Cause(
              message.rank(),
              message.host(),
              String.join(", caused by ", message.causes()),
              message.kind(),
              message.causes().size() > 1));
    }
  }

  /** The ranks on an executor that is gone have ended; returns whether one of them had not. */
  boolean lost(String executor, String reason) {
    List<Integer> ranks = ranks(state -> state.isRunning() && executor.equals(state.executor));
    for (int rank : ranks) {
      State state = states.get(rank);
      state.ended = true;
      if (!state.reported) {
        blame(rank, "its executor %s was lost (%s)".formatted(executor, reason));
      }
    }
    return !ranks.isEmpty();
  }

  /** Blames each rank that was not heard of for {@code timeout}; returns their executors. */
  Set<String> blameSilent(Duration timeout) {
    List<Integer> silent =
        ranks(
            state ->
                state.isRunning()
                    && !state.reported
                    && System.nanoTime() - state.heardNanos > timeout.toNanos());
    silent.forEach(
        rank ->
            blame(
                rank,
                ("it was not heard of for %d s: its process is stopped or hangs, or the network is"
                        + " cut")
                    .formatted(timeout.toSeconds())));
    return silent.stream()
        .map(rank -> String.valueOf(states.get(rank).executor))
        .collect(Collectors.toSet());
  }

  /** Waits no longer for the ranks that have not ended. */
  void giveUp() {
    states.stream().filter(State::isRunning).forEach(state -> state.ended = true);
  }

  /** Blames the ranks that neither failed nor ended while others did. */
  void blameStuck() {
    ranks(state -> state.isRunning() && !state.reported)
        .forEach(rank -> blame(rank, "it did not answer the others and does not end"));
  }

  private void blame(int rank, String why) {
    State state = states.get(rank);
    state.reported = true;
    causes.add(
        new Cause(rank, String.valueOf(state.host), why, RankMessage.FailureKind.PASSING, true));
  }

  boolean anyEntered() {
    return states.stream().anyMatch(state -> state.phase != null);
  }

  boolean anyRunning() {
    return states.stream().anyMatch(State::isRunning);
  }

  boolean anyFailed() {
    return !causes.isEmpty();
  }

  /** Executors of ranks that have not ended. */
  Set<String> runningExecutors() {
    return states.stream()
        .filter(State::isRunning)
        .map(state -> String.valueOf(state.executor))
        .collect(Collectors.toSet());
  }

  /** Ranks that are in {@code phase}; null for those that have not started. */
  List<Integer> in(RankMessage.@Nullable Phase phase) {
    return ranks(state -> state.phase == phase);
  }

  private List<Integer> ranks(Predicate<State> predicate) {
    return IntStream.range(0, states.size())
        .filter(rank -> predicate.test(states.get(rank)))
        .boxed()
        .toList();
  }

  int count() {
    return states.size();
  }

  /**
   * The first cause, if a rank failed.
   *
   * @param started whether training had started
   * @param lastStep steps done
   */
  Optional<StageFailure> firstCause(boolean started, long lastStep) {
    return firstCause()
        .map(
            cause ->
                new StageFailure(
                    cause.text(lastStep),
                    cause.kind() != RankMessage.FailureKind.LASTING
                        && (started || cause.kind() != RankMessage.FailureKind.CHECKPOINT)));
  }

  private Optional<Cause> firstCause() {
    List<Predicate<Cause>> preferred =
        List.of(
            cause ->
                cause.kind() == RankMessage.FailureKind.PASSING
                    || cause.kind() == RankMessage.FailureKind.LASTING,
            // The rank whose file work failed knows why; the others only know which rank it was.
            cause -> cause.kind() == RankMessage.FailureKind.CHECKPOINT && cause.rooted(),
            cause -> cause.kind() == RankMessage.FailureKind.CHECKPOINT,
            cause -> true);
    return preferred.stream()
        .flatMap(choice -> causes.stream().filter(choice).limit(1))
        .findFirst();
  }
}
