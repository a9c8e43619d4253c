package org.sparkmoe.benchmarks.testbed;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.CommunicatorFactory;
import org.sparkmoe.collective.DirectoryRendezvous;
import org.sparkmoe.collective.GlooWorld;
import org.sparkmoe.collective.InProcessWorld;
import org.sparkmoe.moe.Dispatch;
import org.sparkmoe.moe.DispatchProvider;
import org.sparkmoe.moe.Modules;
import org.sparkmoe.tensor.ComputeThreads;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/**
 * Milliseconds of direct, 1dh and 2dh dispatch between 4 ranks on 2 nodes: as threads, over Gloo
 * and the loopback interface, and over {@link EmulatedLinks}. Prints a table in Markdown.
 */
final class DispatchRace {
  private static final Topology TOPOLOGY = new Topology(4, 2, 1, 4, 1);
  private static final Duration TIMEOUT = Duration.ofSeconds(120);
  private static final List<String> DISPATCHES = List.of("direct", "1dh", "2dh");
  private static final int WIDTH = 1024;
  private static final int WARM_UP = 3;

  private DispatchRace() {}

  /** Argument: rounds of each (15). */
  public static void main(String[] args) throws Exception {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 15;
    System.out.println(
        "| ranks | KiB from each | rows | direct | 1dh | 2dh |\n| --- | ---: | --- | ---: | ---: | ---: |");
    try (InProcessWorld world = InProcessWorld.of(TOPOLOGY.world(), TIMEOUT)) {
      race("threads", world::factory, rounds);
    }
    Path directory = Files.createTempDirectory("dispatch-race");
    race("Gloo over loopback", rank -> gloo(directory, rank), rounds);
    EmulatedLinks links = new EmulatedLinks(2, 2, new LinkSpeed(0.5, 100), new LinkSpeed(0.2, 400));
    try (EmulatedCluster cluster = new EmulatedCluster(TOPOLOGY.world(), links, TIMEOUT)) {
      race("emulated 100 and 400 Mb/s", cluster::factory, rounds);
    }
  }

  private static CommunicatorFactory gloo(Path directory, int rank) {
    return GlooWorld.join(
        rank,
        TOPOLOGY.world(),
        new DirectoryRendezvous(directory, rank, TOPOLOGY.world(), TIMEOUT),
        "127.0.0.1",
        TIMEOUT);
  }

  private static void race(String ranks, IntFunction<CommunicatorFactory> factory, int rounds)
      throws InterruptedException, ExecutionException {
    ExecutorService threads = Executors.newFixedThreadPool(TOPOLOGY.world());
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int r = 0; r < TOPOLOGY.world(); r++) {
        int rank = r;
        running.add(threads.submit(() -> runRank(ranks, rank, factory, rounds)));
      }
      for (Future<?> rank : running) {
        rank.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static void runRank(
      String ranks, int rank, IntFunction<CommunicatorFactory> factory, int rounds) {
    ComputeThreads.limit(1);
    try (CommunicatorFactory mine = factory.apply(rank)) {
      RankGroups groups = RankGroups.create(TOPOLOGY, rank, mine, TIMEOUT);
      for (int rows : new int[] {16, 256, 1024}) {
        for (boolean even : new boolean[] {true, false}) {
          double[] millis = medians(groups, rows, even, rounds);
          if (rank == 0) {
            System.out.printf(
                "| %s | %d | %s | %.2f | %.2f | %.2f |%n",
                ranks,
                rows * WIDTH * Float.BYTES / 1024,
                even ? "even" : "uneven",
                millis[0],
                millis[1],
                millis[2]);
          }
        }
      }
      groups.world().barrier().await();
    }
  }

  /** Of rounds in which the dispatches take turns. */
  private static double[] medians(RankGroups groups, int rows, boolean even, int rounds) {
    List<Dispatch> dispatches =
        DISPATCHES.stream()
            .map(name -> Modules.find(DispatchProvider.class, "moe.dispatch", name).create(groups))
            .toList();
    double[][] millis = new double[dispatches.size()][rounds];
    for (int round = -WARM_UP; round < rounds; round++) {
      for (int d = 0; d < dispatches.size(); d++) {
        double time = time(groups, dispatches.get(d), rows, even);
        if (round >= 0) {
          millis[d][round] = time;
        }
      }
    }
    return Arrays.stream(millis)
        .mapToDouble(times -> Arrays.stream(times).sorted().toArray()[rounds / 2])
        .toArray();
  }

  private static double time(RankGroups groups, Dispatch dispatch, int rows, boolean even) {
    int size = TOPOLOGY.world();
    Tensor input = torch.ones(rows, WIDTH);
    Tensor output = torch.empty(rows, WIDTH);
    // Uneven: half of the rows go two ranks on, a quarter one and three ranks on, none stay.
    long[] to = new long[size];
    long[] from = new long[size];
    for (int peer = 0; peer < size; peer++) {
      to[peer] = rows((peer - groups.rank() + size) % size, rows);
      from[peer] = rows((groups.rank() - peer + size) % size, rows);
    }
    groups.world().barrier().await();
    long start = System.nanoTime();
    if (even) {
      dispatch.exchange(output, input);
    } else {
      dispatch.exchange(output, input, from, to);
    }
    groups.world().barrier().await();
    double millis = 1e-6 * (System.nanoTime() - start);
    input.close();
    output.close();
    return millis;
  }

  private static long rows(int distance, int rows) {
    return switch (distance) {
      case 0 -> 0;
      case 2 -> rows / 2;
      default -> rows / 4;
    };
  }
}
