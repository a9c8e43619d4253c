package org.sparkmoe.benchmarks.testbed;

import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.tensor.ComputeThreads;
import org.sparkmoe.topology.RankGroups;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The testbed in one process, where network namespaces are not permitted: ranks as threads. */
@Command(name = "emulated-testbed", mixinStandardHelpOptions = true)
public final class EmulatedTestbed implements Callable<Integer> {
  private static final Duration TIMEOUT = Duration.ofSeconds(120);

  @Mixin private final RaceOptions options = new RaceOptions();

  @Option(
      names = "--rate",
      defaultValue = "100",
      description = "Mb/s of a node's link to other nodes (${DEFAULT-VALUE}).")
  private double interNodeMegabits;

  @Option(
      names = "--latency",
      defaultValue = "0.5",
      description = "Milliseconds that a transfer between nodes takes at least (${DEFAULT-VALUE}).")
  private double interNodeLatency;

  @Option(
      names = "--local-rate",
      defaultValue = "400",
      description = "Mb/s of the link between a node's ranks (${DEFAULT-VALUE}).")
  private double intraNodeMegabits;

  @Option(
      names = "--local-latency",
      defaultValue = "0.2",
      description = "Milliseconds that a transfer inside a node takes at least (${DEFAULT-VALUE}).")
  private double intraNodeLatency;

  @Option(
      names = "--blocks",
      description = "Races blocks of a model, attention with MoE, instead of work of given sizes.")
  private boolean blocks;

  public static void main(String[] args) {
    System.exit(new CommandLine(new EmulatedTestbed()).execute(args));
  }

  @Override
  public Integer call() throws InterruptedException, ExecutionException {
    ComputeThreads.limit(1);
    EmulatedLinks links =
        new EmulatedLinks(
            options.nodes,
            options.ranksPerNode,
            new LinkSpeed(interNodeLatency, interNodeMegabits / options.timeScale),
            new LinkSpeed(intraNodeLatency, intraNodeMegabits / options.timeScale));
    ExecutorService ranks = Executors.newFixedThreadPool(options.world());
    try (EmulatedCluster cluster = new EmulatedCluster(options.world(), links, TIMEOUT)) {
      List<Future<?>> running = new ArrayList<>();
      for (int rank = 0; rank < options.world(); rank++) {
        int r = rank;
        running.add(ranks.submit(() -> runRank(r, cluster, System.out)));
      }
      for (Future<?> rank : running) {
        rank.get();
      }
    } finally {
      ranks.shutdownNow();
    }
    return 0;
  }

  private void runRank(int rank, EmulatedCluster cluster, PrintStream out) {
    ComputeThreads.limit(1);
    try (GraphExecutor lanes = GraphExecutor.lanes()) {
      RankGroups groups =
          RankGroups.create(options.topology(), rank, cluster.factory(rank), TIMEOUT);
      if (blocks) {
        new BlockRace(options, groups, lanes, out).run();
      } else {
        new Race(options, groups, lanes, out).run();
      }
      groups.world().barrier().await();
    }
  }
}
