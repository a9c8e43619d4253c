package org.sparkmoe.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.pytorch.Device;
import org.junit.jupiter.api.Test;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.topology.Topology;

class StopwatchTest {

  /** A device whose work takes 10 µs and 2 more an element, whatever the host takes to queue it. */
  private static final class Queue {
    private final AtomicLong queued = new AtomicLong();

    DeviceClock clock() {
      return work -> {
        queued.set(0);
        work.run();
        return queued.get();
      };
    }

    Runnable work(long elements) {
      return () -> queued.addAndGet(10 + 2 * elements);
    }
  }

  @Test
  void costsAreThoseOfTheDevicesClockOnTheSlowestRank() {
    long[] sizes = {100, 200, 300, 400};
    var fits =
        Ranks.run(
            new Topology(2, 2, 1, 2, 1),
            groups -> {
              Queue queue = new Queue();
              Stopwatch stopwatch = new Stopwatch(groups.world(), new Device("cpu"), queue.clock());
              long slower = groups.rank() == 1 ? 3 : 1;
              return stopwatch.fit(sizes, n -> queue.work(slower * n));
            });

    assertThat(fits).containsOnly(fits.get(0));
    // Milliseconds: 10 µs, and 6 µs an element.
    assertThat(fits.get(0).model().time(0)).isCloseTo(0.010, within(1e-9));
    assertThat(fits.get(0).model().time(1000)).isCloseTo(6.010, within(1e-9));
  }

  @Test
  void longWorkIsRepeatedLessOftenAndAsOftenOnEveryRank() {
    assertThat(callsPerSize(1)).containsExactly(7, 7);
    // Three sizes take 1200 ms in all on the slower rank: once to warm up and two repeats.
    assertThat(callsPerSize(100_000)).containsExactly(3, 3);
    assertThat(callsPerSize(10_000_000)).containsExactly(2, 2);
  }

  /** How often each of two ranks works on a size, the second being twice as slow as the first. */
  private static List<Integer> callsPerSize(long microsPerElement) {
    return Ranks.run(
        new Topology(2, 2, 1, 2, 1),
        groups -> {
          AtomicInteger calls = new AtomicInteger();
          AtomicLong took = new AtomicLong();
          DeviceClock clock =
              work -> {
                work.run();
                return took.get();
              };
          Stopwatch stopwatch = new Stopwatch(groups.world(), new Device("cpu"), clock);
          stopwatch.fit(
              new long[] {1, 2, 3},
              n ->
                  () -> {
                    calls.incrementAndGet();
                    took.set(n * microsPerElement * (groups.rank() + 1));
                  });
          return calls.get() / 3;
        });
  }
}
