package org.sparkmoe.runtime;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkException;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.train.TrainingStoppedException;

/**
 * Follows a barrier stage from the driver: who is where, who does not answer any more, who failed
 * first; and sees to it that all ranks end when one does.
 */
final class StageMonitor implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StageMonitor.class);
  private static final Duration REMINDER = Duration.ofSeconds(5);
  private static final String CANCELLED = "SPARK_JOB_CANCELLED";

  private final SparkContext context;
  private final String job;
  private final RestartConfig restart;
  private final ProgressListener progress;
  private final RankStates ranks;
  private final RankChannel.Subscription subscription;
  private final SparkListener removals;
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "barrier-stage-clock");
            thread.setDaemon(true);
            return thread;
          });
  private final long startNanos = System.nanoTime();
  private boolean stopping;
  private boolean started;
  private long lastStep;
  private @Nullable TrainingStoppedException stopped;

  /**
   * @param job tag of the Spark job, and name of its messages
   */
  StageMonitor(
      SparkContext context,
      String job,
      int ranks,
      RestartConfig restart,
      ProgressListener progress) {
    this.context = context;
    this.job = job;
    this.restart = restart;
    this.progress = progress;
    this.ranks = new RankStates(ranks);
    subscription = RankChannel.subscribe(job, this::receive);
    removals =
        new SparkListener() {
          @Override
          public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
            lost(removed.executorId(), removed.reason());
          }
        };
    context.addSparkListener(removals);
    every(REMINDER, this::remind);
    every(restart.beat(), this::watchSilence);
  }

  private void every(Duration period, Runnable task) {
    var unused =
        clock.scheduleAtFixedRate(
            task, period.toMillis(), period.toMillis(), TimeUnit.MILLISECONDS);
  }

  private synchronized RankMessage.Order receive(RankMessage message) {
    if (message instanceof RankMessage.Beat beat) {
      return answer(beat);
    }
    if (message instanceof RankMessage.Entered entered) {
      ranks.entered(entered);
    } else if (message instanceof RankMessage.Failed failed) {
      boolean first = !ranks.anyFailed();
      ranks.failed(failed);
      tellFirst(first);
    } else if (message instanceof RankMessage.Ended ended) {
      ranks.ended(ended.rank());
      notifyAll();
    } else if (message instanceof RankMessage.Stopped last) {
      stopped = new TrainingStoppedException(last.step(), last.directory());
    } else {
      pass(message);
    }
    return RankMessage.Order.GO_ON;
  }

  private RankMessage.Order answer(RankMessage.Beat beat) {
    ranks.heard(beat.rank());
    if (ranks.anyFailed()) {
      return RankMessage.Order.ABORT;
    }
    if (beat.killed()) {
      stopping = true;
    }
    return stopping ? RankMessage.Order.STOP : RankMessage.Order.GO_ON;
  }

  /** To the user's eyes. */
  private void pass(RankMessage message) {
    if (message instanceof RankMessage.Measuring) {
      progress.measuring();
    } else if (message instanceof RankMessage.Started begun) {
      started = true;
      lastStep = begun.start().step();
      progress.started(begun.start());
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

  private void tellFirst(boolean first) {
    if (first) {
      LOG.warn(
          "{}; ending all ranks",
          ranks.firstCause(started, lastStep).map(StageFailure::message).orElse(""));
    }
  }

  private synchronized void lost(String executor, String reason) {
    boolean first = !ranks.anyFailed();
    if (ranks.lost(executor, reason)) {
      tellFirst(first && ranks.anyFailed());
      notifyAll();
    }
  }

  private void watchSilence() {
    Set<String> executors;
    synchronized (this) {
      if (ranks.anyFailed()) {
        return;
      }
      executors = ranks.blameSilent(restart.silenceTimeout());
      tellFirst(!executors.isEmpty());
    }
    if (!executors.isEmpty()) {
      context.cancelJobsWithTag(job);
      // It would not hear that it is to end.
      kill(executors);
    }
  }

  private synchronized void remind() {
    waitingFor()
        .ifPresent(
            what -> progress.waiting(what, Duration.ofNanos(System.nanoTime() - startNanos)));
  }

  /** What keeps the stage from running, if anything does. */
  private Optional<String> waitingFor() {
    List<Integer> absent = ranks.in(null);
    if (!absent.isEmpty()) {
      return Optional.of(
          "%s to start (%d of %d have, barrier tasks start together)"
              .formatted(name(absent), ranks.count() - absent.size(), ranks.count()));
    }
    for (RankMessage.Phase phase : List.of(RankMessage.Phase.LOADING, RankMessage.Phase.JOINING)) {
      List<Integer> behind = ranks.in(phase);
      if (!behind.isEmpty()) {
        return Optional.of("%s to %s".formatted(name(behind), phase.verb()));
      }
    }
    return Optional.empty();
  }

  private static String name(List<Integer> ranks) {
    String numbers = ranks.toString().replaceAll("[\\[\\]]", "");
    return (ranks.size() == 1 ? "rank " : "ranks ") + numbers;
  }

  /** Asks the ranks for a last checkpoint, after which the stage ends. */
  synchronized void stop() {
    stopping = true;
  }

  /**
   * Waits until all ranks have ended, by force where they do not, and explains what Spark says.
   *
   * @return a {@link TrainingStoppedException} or a {@link TrainingFailedException}
   */
  RuntimeException explain(SparkException spark) {
    awaitEnd();
    synchronized (this) {
      if (stopped != null) {
        return stopped;
      }
      StageFailure failure =
          ranks.firstCause(started, lastStep).orElseGet(() -> withoutRanks(spark));
      boolean ended = !ranks.anyRunning();
      String message = ended ? failure.message() : failure.message() + "; some ranks do not end";
      return new TrainingFailedException(message, spark, failure.passing() && ended && !stopping);
    }
  }

  private StageFailure withoutRanks(SparkException spark) {
    if (CANCELLED.equals(spark.getCondition())) {
      return new StageFailure("Spark ended the job: " + spark.getMessage(), false);
    }
    // Before ranks start, Spark runs tasks of its own, and has tried them again.
    return new StageFailure("the barrier stage failed: " + spark.getMessage(), ranks.anyEntered());
  }

  private void awaitEnd() {
    boolean failed = awaitEnd(restart.endTimeout());
    if (!failed) {
      // Somebody cancelled the job: a checkpoint is being written.
      awaitEnd(restart.stopTimeout().plus(restart.endTimeout()));
    }
    if (endByForce()) {
      awaitEnd(restart.endTimeout());
      // Spark may not reach its machine. Cut off from the driver, the rank aborts by itself.
      synchronized (this) {
        ranks.giveUp();
      }
    }
    LOG.info("all ranks have ended");
  }

  /** Returns early where nothing has failed; whether something has. */
  private synchronized boolean awaitEnd(Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    boolean interrupted = false;
    while (ranks.anyRunning()) {
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0) {
        break;
      }
      try {
        wait(left);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return ranks.anyFailed();
  }

  /** Kills the executors of ranks that do not end; false if there are none, or none to kill. */
  private boolean endByForce() {
    Set<String> executors;
    synchronized (this) {
      ranks.blameStuck();
      executors = ranks.runningExecutors();
    }
    return kill(executors);
  }

  private boolean kill(Set<String> executors) {
    if (executors.isEmpty() || context.isLocal()) {
      return false;
    }
    LOG.warn("executors {} hold ranks that do not end; killing them", executors);
    executors.forEach(context::killAndReplaceExecutor);
    return true;
  }

  @Override
  public void close() {
    clock.shutdownNow();
    context.removeSparkListener(removals);
    subscription.close();
  }
}
