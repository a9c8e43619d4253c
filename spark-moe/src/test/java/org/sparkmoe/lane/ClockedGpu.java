package org.sparkmoe.lane;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * A GPU whose kernels are done as soon as they are issued, and which keeps, as a vector clock of
 * each stream (Mattern 1989), what would have come before what on a real one. So uses of the same
 * memory that no event orders are found whatever the timing, and so are waits of the host.
 *
 * <p>One thread uses it. A stream is never known to have come anywhere.
 */
public final class ClockedGpu implements Gpu {
  private final List<Stream> streams = new ArrayList<>();
  private final Stream host = made("host");
  private final List<Use> uses = new ArrayList<>();
  private final List<String> races = new ArrayList<>();
  private final Map<Long, List<String>> kept = new HashMap<>();
  private Stream current = host;
  private int hostWaits;

  private record Range(long begin, long end) {
    static Range of(Tensor tensor) {
      long begin = tensor.data_ptr().address();
      return new Range(begin, begin + tensor.numel() * tensor.element_size());
    }

    boolean overlaps(Range other) {
      return begin < other.end && other.begin < end;
    }
  }

  private record Use(String what, Range memory, boolean writes, Stream stream, int time) {}

  /** A kernel that changes {@code memory}, which is contiguous, on the current stream. */
  public void writes(String what, Tensor memory) {
    use(what, memory, true);
  }

  /** A kernel that looks at {@code memory}, which is contiguous, on the current stream. */
  public void reads(String what, Tensor memory) {
    use(what, memory, false);
  }

  private void use(String what, Tensor memory, boolean writes) {
    Use now = new Use(what, Range.of(memory), writes, current, current.tick());
    for (Use before : uses) {
      boolean conflict = (before.writes || writes) && before.memory.overlaps(now.memory);
      if (conflict && !current.comesAfter(before)) {
        races.add("%s on %s beside %s on %s".formatted(what, current, before.what, before.stream));
      }
    }
    uses.add(now);
  }

  /** Uses of the same memory, one of them a write, of which neither waits for the other. */
  public List<String> races() {
    return races;
  }

  /** How often the host has blocked until the GPU came to an event. */
  public int hostWaits() {
    return hostWaits;
  }

  /** The streams that had to keep the memory of {@code tensor}, in order. */
  public List<String> keptFor(Tensor tensor) {
    return kept.getOrDefault(tensor.data_ptr().address(), List.of());
  }

  /** The name of the stream on which work is queued now. */
  public String currentName() {
    return current.name;
  }

  private Stream made(String name) {
    Stream stream = new Stream(name, streams.size());
    streams.add(stream);
    return stream;
  }

  @Override
  public GpuStream stream(Priority priority) {
    return made("stream " + streams.size());
  }

  @Override
  public GpuStream current() {
    return current;
  }

  private final class Stream implements GpuStream {
    private final String name;
    private final int index;
    private final Map<Integer, Integer> clock = new HashMap<>();

    Stream(String name, int index) {
      this.name = name;
      this.index = index;
    }

    int tick() {
      return clock.merge(index, 1, Integer::sum);
    }

    boolean comesAfter(Use use) {
      return clock.getOrDefault(use.stream.index, 0) >= use.time;
    }

    @Override
    public GpuEvent record() {
      return new Point(Map.copyOf(clock));
    }

    @Override
    public void waitFor(GpuEvent event) {
      ((Point) event).clock.forEach((stream, time) -> clock.merge(stream, time, Math::max));
    }

    @Override
    public void run(Runnable issue) {
      Stream before = current;
      current = this;
      try {
        issue.run();
      } finally {
        current = before;
      }
    }

    @Override
    public void uses(Tensor tensor) {
      kept.computeIfAbsent(tensor.data_ptr().address(), address -> new ArrayList<>()).add(name);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private final class Point implements GpuEvent {
    private final Map<Integer, Integer> clock;

    Point(Map<Integer, Integer> clock) {
      this.clock = clock;
    }

    @Override
    public boolean reached() {
      return false;
    }

    @Override
    public void await() {
      hostWaits++;
    }
  }
}
