package org.sparkmoe.lane;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;

/** A lane that is one daemon thread, which starts with the first task. */
public final class CpuLane implements Lane {
  private final String name;
  private final ExecutorService thread;

  /**
   * Makes a lane.
   *
   * @param name of its thread
   */
  public CpuLane(String name) {
    this.name = name;
    this.thread =
        Executors.newSingleThreadExecutor(
            body -> {
              Thread daemon = new Thread(body, name);
              daemon.setDaemon(true);
              return daemon;
            });
  }

  @Override
  public Event submit(Runnable body, List<Event> after) {
    List<Event> dependencies = List.copyOf(after);
    CpuEvent event =
        new CpuEvent(
            name,
            () -> {
              dependencies.forEach(Event::await);
              body.run();
            });
    try {
      thread.execute(event);
    } catch (RejectedExecutionException e) {
      throw new IllegalStateException("lane %s is closed".formatted(name), e);
    }
    return event;
  }

  @Override
  public void close() {
    for (Runnable notBegun : thread.shutdownNow()) {
      ((CpuEvent) notBegun).cancel(false);
    }
  }

  @Override
  public String toString() {
    return "CpuLane[" + name + "]";
  }

  private static final class CpuEvent extends FutureTask<Void> implements Event {
    private final String lane;

    CpuEvent(String lane, Runnable body) {
      super(body, null);
      this.lane = lane;
    }

    @Override
    public void await() {
      try {
        get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        CancellationException interrupted =
            new CancellationException("interrupted while waiting for a task of lane " + lane);
        interrupted.initCause(e);
        throw interrupted;
      } catch (ExecutionException e) {
        // FutureTask wraps what the body threw, which Runnable restricts to unchecked exceptions.
        if (e.getCause() instanceof Error error) {
          throw error;
        }
        throw (RuntimeException) e.getCause();
      }
    }
  }
}
