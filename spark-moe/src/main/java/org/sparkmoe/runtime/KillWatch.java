package org.sparkmoe.runtime;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.spark.TaskContext;

/**
 * Aborts a rank's collective operations when Spark ends its task: a native wait does not see {@link
 * Thread#interrupt}.
 */
final class KillWatch implements AutoCloseable {
  private static final long INTERVAL_MILLIS = 100;

  private final CountDownLatch done = new CountDownLatch(1);
  private final Thread thread;

  private KillWatch(TaskContext context, Consumer<String> abort) {
    thread =
        new Thread(
            () -> {
              try {
                while (!done.await(INTERVAL_MILLIS, TimeUnit.MILLISECONDS)) {
                  if (context.isInterrupted()) {
                    abort.accept("Spark ended the task of this rank");
                    return;
                  }
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "kill-watch-" + context.partitionId());
    thread.setDaemon(true);
    thread.start();
  }

  /** Watches until {@link #close}; {@code abort} is told why. */
  static KillWatch start(TaskContext context, Consumer<String> abort) {
    return new KillWatch(context, abort);
  }

  @Override
  public void close() {
    done.countDown();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
