package org.sparkmoe.lane;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;

/**
 * A lane that is a GPU stream: tasks are issued by the thread that submits them, in that order, and
 * the GPU runs them when it comes to them.
 *
 * <p>The host waits for nothing, unless an event of {@code after} is of another kind of lane.
 * Events hold native objects only until they are reached; the lane asks for that whenever a task is
 * submitted.
 */
public final class StreamLane implements Lane {
  private final String name;
  private final GpuStream stream;
  private final Deque<GpuEvent> outstanding = new ArrayDeque<>();
  private boolean closed;

  /**
   * Makes a lane.
   *
   * @param name for messages
   * @param gpu where its tasks run
   * @param priority of its stream
   */
  public StreamLane(String name, Gpu gpu, Gpu.Priority priority) {
    this.name = name;
    this.stream = gpu.stream(priority);
  }

  @Override
  public synchronized Event submit(Runnable body, List<Event> after) {
    if (closed) {
      throw new IllegalStateException("lane %s is closed".formatted(name));
    }
    while (!outstanding.isEmpty() && outstanding.getFirst().reached()) {
      outstanding.removeFirst();
    }
    Optional<Failed> failure = waitFor(after);
    if (failure.isPresent()) {
      return failure.get();
    }
    try {
      stream.run(body);
    } catch (RuntimeException | Error e) {
      return new Failed(e);
    }
    GpuEvent end = stream.record();
    outstanding.addLast(end);
    return end;
  }

  private Optional<Failed> waitFor(List<Event> after) {
    for (Event event : after) {
      if (event instanceof Failed failed) {
        return Optional.of(failed);
      }
      if (event instanceof GpuEvent onGpu) {
        stream.waitFor(onGpu);
        continue;
      }
      try {
        event.await();
      } catch (RuntimeException | Error e) {
        return Optional.of(new Failed(e));
      }
    }
    return Optional.empty();
  }

  /** Refuses new tasks; those that were submitted are on the GPU already, and run to their end. */
  @Override
  public synchronized void close() {
    closed = true;
    try {
      outstanding.forEach(GpuEvent::await);
    } catch (CancellationException interrupted) {
      return;
    }
    outstanding.clear();
  }

  @Override
  public String toString() {
    return "StreamLane[" + name + "]";
  }

  /** The event of a task that failed while it was issued, or was not issued. */
  private record Failed(Throwable cause) implements Event {
    @Override
    public void await() {
      if (cause instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) cause;
    }
  }
}
