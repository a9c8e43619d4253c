package org.sparkmoe.runtime;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Follows a barrier stage from the driver: who is where, and who failed first. */
final class StageMonitor implements AutoCloseable {
  private static final Duration REMINDER = Duration.ofSeconds(5);

  private final ProgressListener progress;
  private final RankMessage.@Nullable Phase[] phases;
  private final List<RankMessage.Failed> failures = new ArrayList<>();
  private final RankChannel.Subscription subscription;
  private final ScheduledExecutorService reminders =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "barrier-stage-reminders");
            thread.setDaemon(true);
            return thread;
          });
  private final long startNanos = System.nanoTime();
  private long lastStep;

  StageMonitor(String job, int ranks, ProgressListener progress) {
    this.progress = progress;
    phases = new RankMessage.Phase[ranks];
    subscription = RankChannel.subscribe(job, this::receive);
    reminders.scheduleAtFixedRate(
        this::remind, REMINDER.toMillis(), REMINDER.toMillis(), TimeUnit.MILLISECONDS);
  }

  private synchronized void receive(RankMessage message) {
    if (message instanceof RankMessage.Entered entered) {
      phases[entered.rank()] = entered.phase();
    } else if (message instanceof RankMessage.Failed failed) {
      failures.add(failed);
    } else if (message instanceof RankMessage.Started started) {
      lastStep = started.start().step();
      progress.started(started.start());
    } else if (message instanceof RankMessage.Stepped stepped) {
      lastStep = stepped.metrics().step();
      progress.step(stepped.metrics());
    } else if (message instanceof RankMessage.Scheduled scheduled) {
      progress.scheduled(scheduled.trace());
    } else if (message instanceof RankMessage.Evaluated evaluated) {
      progress.evaluated(evaluated.metrics());
    } else if (message instanceof RankMessage.Warned warned) {
      progress.warned(warned.step(), warned.warning());
    } else if (message instanceof RankMessage.Checkpointed published) {
      progress.checkpointed(published.step(), published.directory());
    }
  }

  private synchronized void remind() {
    waitingFor()
        .ifPresent(
            what -> progress.waiting(what, Duration.ofNanos(System.nanoTime() - startNanos)));
  }

  /** What keeps the stage from running, if anything does. */
  private Optional<String> waitingFor() {
    List<Integer> absent = ranksIn(null);
    if (!absent.isEmpty()) {
      return Optional.of(
          "%s to start (%d of %d have, barrier tasks start together)"
              .formatted(name(absent), phases.length - absent.size(), phases.length));
    }
    for (RankMessage.Phase phase : List.of(RankMessage.Phase.LOADING, RankMessage.Phase.JOINING)) {
      List<Integer> behind = ranksIn(phase);
      if (!behind.isEmpty()) {
        return Optional.of("%s to %s".formatted(name(behind), phase.verb()));
      }
    }
    return Optional.empty();
  }

  private List<Integer> ranksIn(RankMessage.@Nullable Phase phase) {
    List<Integer> ranks = new ArrayList<>();
    for (int rank = 0; rank < phases.length; rank++) {
      if (phases[rank] == phase) {
        ranks.add(rank);
      }
    }
    return ranks;
  }

  private static String name(List<Integer> ranks) {
    String numbers = Arrays.toString(ranks.toArray()).replaceAll("[\\[\\]]", "");
    return (ranks.size() == 1 ? "rank " : "ranks ") + numbers;
  }

  /**
   * Why the stage failed: the first failure that was not the consequence of another, if the ranks
   * could tell.
   */
  synchronized Optional<String> failure() {
    return failures.stream()
        .filter(failed -> !failed.consequence())
        .findFirst()
        .or(() -> failures.stream().findFirst())
        .map(
            failed ->
                "rank %d on %s failed after step %d: %s"
                    .formatted(failed.rank(), failed.host(), lastStep, failed.cause()));
  }

  @Override
  public void close() {
    reminders.shutdownNow();
    subscription.close();
  }
}
