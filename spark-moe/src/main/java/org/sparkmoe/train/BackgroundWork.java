package org.sparkmoe.train;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** One thread of a rank that works on files while the rank trains. */
final class BackgroundWork {
  private static final long END_SECONDS = 10;

  private final ExecutorService thread;

  BackgroundWork(String name) {
    thread =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread made = new Thread(task, name);
              made.setDaemon(true);
              return made;
            });
  }

  /**
   * How far a task is.
   *
   * @param value what it returned, or null
   * @param failure what it threw, or null
   */
  record Outcome<T>(@Nullable T value, @Nullable Throwable failure) {
    boolean isRunning() {
      return value == null && failure == null;
    }
  }

  /** Begins {@code task} when the one before has ended; it must not return null. */
  <T> Future<T> begin(Callable<T> task) {
    return thread.submit(task);
  }

  /**
   * Waits for {@code task}, at most {@code millis}.
   *
   * @throws CheckpointException if this thread is interrupted
   */
  static <T> Outcome<T> await(Future<T> task, long millis) {
    try {
      return new Outcome<>(task.get(millis, TimeUnit.MILLISECONDS), null);
    } catch (TimeoutException e) {
      return new Outcome<>(null, null);
    } catch (ExecutionException e) {
      return new Outcome<>(null, e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CheckpointException("the rank was ended while a checkpoint was written", e);
    }
  }

  /**
   * Interrupts what is under way and waits for its end, but not for ever: a file system that does
   * not answer must not keep a rank from ending.
   *
   * @return whether the thread has ended
   */
  boolean end() {
    thread.shutdownNow();
    boolean interrupted = Thread.interrupted();
    try {
      return thread.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
      return thread.isTerminated();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
