package org.sparkmoe.benchmarks.testbed;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.DirectoryRendezvous;
import org.sparkmoe.collective.GlooWorld;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.tensor.ComputeThreads;
import org.sparkmoe.topology.RankGroups;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** One rank of the testbed as a process, over Gloo; {@code benchmarks/testbed/run} starts them. */
@Command(name = "testbed-rank", mixinStandardHelpOptions = true)
public final class TestbedRank implements Runnable {
  private static final Duration TIMEOUT = Duration.ofSeconds(120);

  @Mixin private final RaceOptions options = new RaceOptions();

  @Option(names = "--node", required = true, description = "Node, from 0.")
  private int node;

  @Option(names = "--local", required = true, description = "Rank within its node, from 0.")
  private int local;

  @Option(names = "--address", required = true, description = "The node's address.")
  private @Nullable String address;

  @Option(names = "--rendezvous", required = true, description = "Folder that all ranks see.")
  private @Nullable Path rendezvous;

  public static void main(String[] args) {
    System.exit(new CommandLine(new TestbedRank()).execute(args));
  }

  @Override
  public void run() {
    int rank = node * options.ranksPerNode + local;
    int world = options.world();
    ComputeThreads.limit(1);
    DirectoryRendezvous meeting =
        new DirectoryRendezvous(Objects.requireNonNull(rendezvous), rank, world, TIMEOUT);
    try (GlooWorld gloo =
            GlooWorld.join(rank, world, meeting, Objects.requireNonNull(address), TIMEOUT);
        GraphExecutor lanes = GraphExecutor.lanes()) {
      RankGroups groups = RankGroups.create(options.topology(), rank, gloo, TIMEOUT);
      new Race(options, groups, lanes, System.out).run();
      groups.world().barrier().await();
    }
  }
}
