package org.sparkmoe.lane;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import org.bytedeco.pytorch.Tensor;

/**
 * A GPU whose streams are threads. The host's own stream is the host: it waits where a stream
 * would.
 */
public final class FakeGpu implements Gpu {
  private final ThreadLocal<FakeStream> current = new ThreadLocal<>();

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

    FakeEvent queue(Runnable kernel) {
      FutureTask<Void> task = new FutureTask<>(kernel, null);
      executor.execute(task);
      return new FakeEvent(task);
    }

    @Override
    public GpuEvent record() {
      return queue(() -> {});
    }

    @Override
    public void waitFor(GpuEvent event) {
      queue(event::await);
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

  private static final class HostStream implements GpuStream {
    @Override
    public GpuEvent record() {
      FutureTask<Void> done = new FutureTask<>(() -> {}, null);
      done.run();
      return new FakeEvent(done);
    }

    @Override
    public void waitFor(GpuEvent event) {
      event.await();
    }

    @Override
    public void run(Runnable issue) {
      issue.run();
    }

    @Override
    public void uses(Tensor tensor) {}
  }

  private record FakeEvent(FutureTask<Void> task) implements GpuEvent {
    @Override
    public boolean reached() {
      return task.isDone();
    }

    @Override
    public void await() {
      try {
        task.get();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
