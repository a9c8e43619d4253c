package org.sparkmoe.model;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.InProcessWorld;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** A cluster in one process: runs one thread for each rank. */
public final class Ranks {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  private Ranks() {}

  /** The results of {@code body} in rank order; fails with the first failure. */
  public static <T> List<T> run(Topology topology, Function<RankGroups, T> body) {
    try (InProcessWorld world = InProcessWorld.of(topology.world(), TIMEOUT)) {
      List<CompletableFuture<T>> results = new ArrayList<>();
      for (int rank = 0; rank < topology.world(); rank++) {
        int r = rank;
        results.add(
            CompletableFuture.supplyAsync(
                () -> runRank(RankGroups.create(topology, r, world.factory(r), TIMEOUT), body),
                Ranks::start));
      }
      CompletableFuture.allOf(results.toArray(CompletableFuture[]::new))
          .orTimeout(2 * TIMEOUT.toSeconds(), TimeUnit.SECONDS)
          .join();
      return results.stream().map(CompletableFuture::join).toList();
    }
  }

  private static <T> T runRank(RankGroups groups, Function<RankGroups, T> body) {
    torch.set_num_threads(1);
    try {
      return body.apply(groups);
    } catch (RuntimeException | Error failure) {
      groups.abort("rank " + groups.rank() + " failed: " + failure.getMessage());
      throw new CompletionException(failure);
    }
  }

  private static void start(Runnable task) {
    Thread thread = new Thread(task, "rank");
    thread.setDaemon(true);
    thread.start();
  }
}
