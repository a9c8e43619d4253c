package org.sparkmoe.lane;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Events of one stream that the GPU has not come to, in the order of the stream. An event holds a
 * native object until somebody learns that it is over; here that is asked whenever one is added.
 */
final class OutstandingEvents {
  private final Deque<GpuEvent> events = new ArrayDeque<>();

  GpuEvent add(GpuEvent event) {
    while (!events.isEmpty() && events.getFirst().reached()) {
      events.removeFirst();
    }
    events.addLast(event);
    return event;
  }

  /** Blocks the host; see {@link GpuEvent#await}. */
  void await() {
    events.forEach(GpuEvent::await);
    events.clear();
  }
}
