package org.sparkmoe.app;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.util.ShutdownHookManager;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparkmoe.runtime.RestartConfig;

/**
 * Ends training with a checkpoint when the JVM is told to end (Ctrl-C, SIGTERM), before Spark and
 * the file systems go away.
 */
final class StopOnShutdown implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StopOnShutdown.class);

  /** Spark stops its context at 30 over that of file systems; the highest goes first. */
  private static final int PRIORITY = FileSystem.SHUTDOWN_HOOK_PRIORITY + 60;

  /** For what is told and closed after the ranks have ended. */
  private static final Duration AFTERWARDS = Duration.ofSeconds(10);

  private final CountDownLatch ended = new CountDownLatch(1);
  private final Runnable hook;

  private StopOnShutdown(Runnable stop, Duration most) {
    hook =
        () -> {
          LOG.warn("told to end: waiting up to {} for a last checkpoint", most);
          stop.run();
          try {
            if (!ended.await(most.toMillis(), TimeUnit.MILLISECONDS)) {
              LOG.warn("training did not end within {}", most);
            }
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        };
    ShutdownHookManager.get()
        .addShutdownHook(hook, PRIORITY, most.plus(AFTERWARDS).toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Until {@link #close}, {@code stop} asks training to end, and the JVM waits for that. */
  static StopOnShutdown of(Runnable stop, RestartConfig restart) {
    Duration most =
        restart.stopTimeout().plus(restart.endTimeout().multipliedBy(2)).plus(AFTERWARDS);
    return new StopOnShutdown(stop, most);
  }

  @Override
  public void close() {
    ended.countDown();
    if (!ShutdownHookManager.get().isShutdownInProgress()) {
      ShutdownHookManager.get().removeShutdownHook(hook);
    }
  }
}
