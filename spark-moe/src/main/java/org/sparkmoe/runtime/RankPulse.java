package org.sparkmoe.runtime;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.spark.TaskContext;
import org.jspecify.annotations.Nullable;

/**
 * Tells the driver that a rank lives, and does what the driver answers: a native wait does not see
 * {@link Thread#interrupt}, so a rank whose task Spark ends must be aborted by another thread.
 *
 * <p>When Spark ends the task and the driver knows of no failure, somebody has cancelled the job:
 * the rank then has {@code restart.stop-timeout} for a last checkpoint.
 */
final class RankPulse implements AutoCloseable {
  private static final Duration WATCH = Duration.ofMillis(100);

  private final TaskContext context;
  private final String job;
  private final RestartConfig restart;
  private final ScheduledExecutorService threads;
  private final Object abortLock = new Object();
  private volatile long answeredNanos = System.nanoTime();
  private volatile RankMessage.Order order = RankMessage.Order.GO_ON;
  private long stopNanos;
  private @Nullable Consumer<String> abort;
  private @Nullable String aborted;

  private RankPulse(TaskContext context, String job, RestartConfig restart) {
    this.context = context;
    this.job = job;
    this.restart = restart;
    // One sends, which waits for the driver; the other watches.
    threads =
        Executors.newScheduledThreadPool(
            2,
            task -> {
              Thread thread = new Thread(task, "rank-pulse-" + context.partitionId());
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Beats until {@link #close}. */
  static RankPulse start(TaskContext context, String job, RestartConfig restart) {
    RankPulse pulse = new RankPulse(context, job, restart);
    every(pulse.threads, restart.beat(), pulse::beat);
    every(pulse.threads, WATCH, pulse::watch);
    return pulse;
  }

  private static void every(ScheduledExecutorService threads, Duration period, Runnable task) {
    var unused = threads.scheduleWithFixedDelay(task, 0, period.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void beat() {
    RankChannel.ask(job, new RankMessage.Beat(context.partitionId(), context.isInterrupted()))
        .ifPresent(
            answer -> {
              answeredNanos = System.nanoTime();
              order = answer;
            });
  }

  private void watch() {
    if (!RankChannel.isOpen()) {
      if (context.isInterrupted()) {
        abort("Spark ended the task of this rank");
      }
      return;
    }
    switch (order) {
      case GO_ON -> {}
      case STOP -> awaitStop();
      case ABORT -> abort("the driver ended this rank because another had failed");
    }
    if (since(answeredNanos).compareTo(restart.silenceTimeout()) > 0) {
      abort("the driver has not answered for " + restart.silenceTimeout());
    }
  }

  private void awaitStop() {
    if (stopNanos == 0) {
      stopNanos = System.nanoTime();
    } else if (since(stopNanos).compareTo(restart.stopTimeout()) > 0) {
      abort(
          "no checkpoint was written within restart.stop-timeout = %s"
              .formatted(restart.stopTimeout()));
    }
  }

  private static Duration since(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos);
  }

  private void abort(String why) {
    synchronized (abortLock) {
      if (aborted == null) {
        aborted = why;
        if (abort != null) {
          abort.accept(why);
        }
      }
    }
  }

  /** Whether training is to end after a last checkpoint. */
  boolean stopRequested() {
    return order == RankMessage.Order.STOP;
  }

  /** What {@link #guard} set up, until it is closed. */
  @FunctionalInterface
  interface Guard extends AutoCloseable {
    @Override
    void close();
  }

  /** Until the result is closed, {@code abort} is told why this rank must end, once. */
  Guard guard(Consumer<String> abort) {
    synchronized (abortLock) {
      this.abort = abort;
      if (aborted != null) {
        abort.accept(aborted);
      }
    }
    return () -> {
      synchronized (abortLock) {
        this.abort = null;
      }
    };
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
