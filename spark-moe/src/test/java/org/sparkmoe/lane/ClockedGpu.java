package org.sparkmoe.lane;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.tensor.TensorScope;

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
  private final Map<Long, Handed> handed = new HashMap<>();
  private final List<String> unkept = new ArrayList<>();
  private int crossings;
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

  /** Memory that work of one stream made, and who used it since. */
  private static final class Handed {
    private final String what;
    private final Stream maker;

    /** Holds the memory, so that its address is nothing else's. */
    private final Tensor memory;

    private final Set<Stream> users = new LinkedHashSet<>();
    private final Set<Stream> kept = new LinkedHashSet<>();

    Handed(String what, Stream maker, Tensor memory) {
      this.what = what;
      this.maker = maker;
      this.memory = TensorScope.keep(new Tensor(memory));
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

  /** A kernel on the current stream fills memory that was allocated for it. */
  public void makes(String what, Tensor memory) {
    if (memory.numel() == 0) {
      return;
    }
    handed.putIfAbsent(memory.data_ptr().address(), new Handed(what, current, memory));
  }

  /** A kernel on the current stream uses such memory; the next task may free it. */
  public void takes(Tensor memory) {
    Handed made = memory.numel() == 0 ? null : handed.get(memory.data_ptr().address());
    if (made != null && made.maker != current) {
      made.users.add(current);
    }
  }

  private void look(Handed made) {
    crossings += made.users.size();
    for (Stream user : made.users) {
      if (!made.kept.contains(user)) {
        unkept.add("%s of %s used on %s".formatted(made.what, made.maker, user));
      }
    }
    TensorScope.release(made.memory);
  }

  /**
   * Memory that went from the stream on which it was made to another, of which the allocator was
   * not told: as soon as the host has freed it, the first stream's next tensor overwrites what the
   * other still reads.
   */
  public List<String> unkept() {
    handed.values().forEach(this::look);
    handed.clear();
    return unkept;
  }

  /** How often memory went to another stream, of all that {@link #unkept} has looked at. */
  public int crossings() {
    return crossings;
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
    public void follow(GpuStream other) {
      waitFor(other.record());
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
      Handed made =
          tensor.defined() && tensor.numel() > 0 ? handed.get(tensor.data_ptr().address()) : null;
      if (made != null) {
        made.kept.add(this);
      }
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
