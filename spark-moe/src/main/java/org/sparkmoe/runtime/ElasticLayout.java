package org.sparkmoe.runtime;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.sparkmoe.topology.ClusterConfig;

/** The layout that a run goes on with when slots are lost. */
final class ElasticLayout {
  private ElasticLayout() {}

  /**
   * The valid layout with the most ranks that {@code slots} hold; among those, the one that keeps
   * most of the configured degrees of parallelism, and needs least memory a rank if none is kept:
   * the one with the highest degrees.
   *
   * @return empty if the model and the global batch cannot be shared out on any
   */
  static Optional<ClusterConfig> largest(RunConfig config, int slots) {
    return IntStream.iterate(Math.min(slots, config.cluster().ranks()), n -> n >= 1, n -> n - 1)
        .mapToObj(ranks -> best(config, ranks))
        .flatMap(Optional::stream)
        .findFirst();
  }

  private static Optional<ClusterConfig> best(RunConfig config, int ranks) {
    ClusterConfig wanted = config.cluster();
    return layouts(wanted, ranks).stream()
        .filter(layout -> config.resumedOn(layout).combinationProblems().isEmpty())
        .max(
            Comparator.<ClusterConfig>comparingInt(layout -> kept(wanted, layout))
                .thenComparingInt(layout -> layout.pp() * layout.mp())
                .thenComparingInt(layout -> layout.ep() * layout.esp()));
  }

  private static List<ClusterConfig> layouts(ClusterConfig wanted, int ranks) {
    List<ClusterConfig> layouts = new ArrayList<>();
    for (int pp : divisors(ranks, wanted.pp())) {
      int stage = ranks / pp;
      for (int mp : divisors(stage, wanted.mp())) {
        for (int ep : divisors(stage, stage)) {
          for (int esp : divisors(stage / ep, wanted.esp())) {
            layouts.add(layout(wanted, ranks, new int[] {pp, mp, ep, esp}));
          }
        }
      }
    }
    return layouts;
  }

  private static ClusterConfig layout(ClusterConfig wanted, int ranks, int[] degrees) {
    List<Integer> perNode = divisors(ranks, Math.min(ranks, wanted.ranksPerNode()));
    return new ClusterConfig(
        ranks,
        perNode.get(perNode.size() - 1),
        degrees[0],
        degrees[1],
        degrees[2],
        degrees[3],
        wanted.threadsPerRank(),
        wanted.bindAddress(),
        wanted.startTimeout(),
        wanted.collectiveTimeout());
  }

  private static int kept(ClusterConfig wanted, ClusterConfig layout) {
    return (wanted.pp() == layout.pp() ? 1 : 0)
        + (wanted.mp() == layout.mp() ? 1 : 0)
        + (wanted.ep() == layout.ep() ? 1 : 0)
        + (wanted.esp() == layout.esp() ? 1 : 0);
  }

  /** Divisors of {@code n} up to {@code most}, ascending. */
  private static List<Integer> divisors(int n, int most) {
    return IntStream.rangeClosed(1, Math.min(n, most)).filter(d -> n % d == 0).boxed().toList();
  }
}
