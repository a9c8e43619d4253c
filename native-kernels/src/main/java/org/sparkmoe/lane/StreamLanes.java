package org.sparkmoe.lane;

import java.util.List;

/** Lanes that are streams of a GPU. */
final class StreamLanes implements Lanes {
  private final Gpu gpu;
  private final OutstandingEvents outstanding = new OutstandingEvents();

  StreamLanes(Gpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public Lane lane(String name, Gpu.Priority priority) {
    return new StreamLane(name, gpu, priority);
  }

  @Override
  public synchronized List<Event> soFar() {
    return List.of(outstanding.add(gpu.current().record()));
  }

  @Override
  public void join(Event task) {
    if (task instanceof GpuEvent onGpu) {
      gpu.current().waitFor(onGpu);
    } else {
      task.await();
    }
  }
}
