package org.sparkmoe.lane;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A GPU whose streams are threads. The host's own stream is the host: it waits where a stream
 * would.
 */
public final class FakeGpu implements Gpu {
  private final ThreadLocal<FakeStream> current = new ThreadLocal<>();
  private final AtomicInteger heldEvents = new AtomicInteger();
  private final AtomicReference<@Nullable String> problem = new AtomicReference<>();

  /** Events of which nobody has learned that they are over, as an event of CUDA holds memory. */
  public int heldEvents() {
    return heldEvents.get();
  }

  /** From now on it answers every question with this error, as CUDA does after a kernel failed. */
  public void fail(String error) {
    problem.set(error);
  }

  @Override
  public GpuStream stream(Priority priority) {
    return new FakeStream();
  }

  @Override
  public GpuStream current() {
    FakeStream stream = current.get();
    return stream == null ? new HostStream() : stream;
  }

  /** Puts a kernel on the stream that is current on this thread; on the host it runs at once. */
  public void launch(Runnable kernel) {
    FakeStream stream = current.get();
    if (stream == null) {
      kernel.run();
    } else {
      stream.queue(kernel);
    }
  }

  private final class FakeStream implements GpuStream {
    private final Lane lane = new CpuLane("fake-stream");
    private final Executor executor = task -> lane.submit(task, List.of());

    FutureTask<Void> queue(Runnable kernel) {
      FutureTask<Void> task = new FutureTask<>(kernel, null);
      executor.execute(task);
      return task;
    }

    @Override
    public GpuEvent record() {
      return new FakeEvent(queue(() -> {}));
    }

    @Override
    public void waitFor(GpuEvent event) {
      queue(((FakeEvent) event)::join);
    }

    @Override
    public void follow(GpuStream other) {
      if (other instanceof FakeStream stream) {
        FutureTask<Void> now = stream.queue(() -> {});
        queue(() -> FakeEvent.join(now));
      }
    }

    @Override
    public void run(Runnable issue) {
      FakeStream before = current.get();
      current.set(this);
      try {
        issue.run();
      } finally {
        current.set(before);
      }
    }

    @Override
    public void uses(Tensor tensor) {}
  }

  private final class HostStream implements GpuStream {
    @Override
    public GpuEvent record() {
      FutureTask<Void> done = new FutureTask<>(() -> {}, null);
      done.run();
      return new FakeEvent(done);
    }

    @Override
    public void waitFor(GpuEvent event) {
      ((FakeEvent) event).join();
    }

    @Override
    public void follow(GpuStream other) {
      waitFor(other.record());
    }

    @Override
    public void run(Runnable issue) {
      issue.run();
    }

    @Override
    public void uses(Tensor tensor) {}
  }

  private final class FakeEvent implements GpuEvent {
    private final FutureTask<Void> task;
    private final AtomicBoolean known = new AtomicBoolean();

    FakeEvent(FutureTask<Void> task) {
      this.task = task;
      heldEvents.incrementAndGet();
    }

    @Override
    public boolean reached() {
      String error = problem.get();
      if (error != null) {
        throw new IllegalStateException(error);
      }
      if (task.isDone() && known.compareAndSet(false, true)) {
        heldEvents.decrementAndGet();
      }
      return task.isDone();
    }

    @Override
    public void await() {
      join();
      reached();
    }

    /** Waits as a stream does. */
    void join() {
      join(task);
    }

    static void join(FutureTask<Void> task) {
      try {
        task.get();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
