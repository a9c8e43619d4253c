package org.sparkmoe.lane;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.bytedeco.pytorch.Tensor;

/**
 * A lane that is a GPU stream: tasks are issued by the thread that submits them, in that order, and
 * the GPU runs them when it comes to them.
 *
 * <p>The host waits for nothing, unless an event of {@code after} is of another kind of lane.
 *
 * <p><b>Memory.</b> libtorch's allocator knows of the stream that a tensor was made on, and gives
 * its memory to that stream's next tensor as soon as the host frees it, whether or not other
 * streams have read it. A tensor that goes from lane to lane is safe if it is freed when the
 * caller's stream has joined all lanes, since lanes begin again after that stream; if a task frees
 * it before, that task must say that it was {@linkplain #usedHere used}.
 */
public final class StreamLane implements Lane {
  /** Of the lane whose task this thread issues. */
  private static final ThreadLocal<GpuStream> ISSUING = new ThreadLocal<>();

  private final String name;
  private final GpuStream stream;
  private final OutstandingEvents outstanding = new OutstandingEvents();
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
    Optional<Failed> failure = waitFor(after);
    if (failure.isPresent()) {
      return failure.get();
    }
    try {
      stream.run(() -> issue(body));
    } catch (RuntimeException | Error e) {
      return new Failed(e);
    }
    return outstanding.add(stream.record());
  }

  private void issue(Runnable body) {
    GpuStream before = ISSUING.get();
    ISSUING.set(stream);
    try {
      body.run();
    } finally {
      ISSUING.set(before);
    }
  }

  /**
   * For a tensor that a task of another lane made, and that the calling task frees: keeps its
   * memory until the GPU has come to what this task has queued so far. Does nothing outside the
   * tasks of such lanes, where work is done when the host has gone on.
   */
  public static void usedHere(Tensor tensor) {
    GpuStream stream = ISSUING.get();
    if (stream != null) {
      stream.uses(tensor);
    }
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
      outstanding.await();
    } catch (CancellationException interrupted) {
      // Whoever interrupts gives the process up, and the GPU with it.
    }
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
