package org.sparkmoe.moe.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.sparkmoe.collective.InProcessWorld;
import org.sparkmoe.moe.Dispatch;
import org.sparkmoe.moe.DispatchProvider;
import org.sparkmoe.moe.Modules;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** Exchanges in two levels deliver what the direct one does. */
class DispatchesTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final List<Topology> TOPOLOGIES =
      List.of(
          // One, two, three ranks of the group on a node; all of it; ESP and EDP beside it.
          new Topology(4, 1, 1, 4, 1),
          new Topology(4, 2, 1, 4, 1),
          new Topology(6, 3, 1, 6, 1),
          new Topology(6, 2, 1, 6, 1),
          new Topology(4, 4, 1, 4, 1),
          new Topology(8, 4, 1, 4, 2),
          new Topology(8, 2, 1, 4, 1),
          new Topology(4, 2, 1, 2, 2),
          // Nodes of three: some groups of two share one, others do not; groups of four never fit.
          new Topology(6, 3, 1, 2, 1),
          new Topology(12, 3, 1, 4, 1));

  @Provide
  Arbitrary<Topology> topologies() {
    return Arbitraries.of(TOPOLOGIES);
  }

  @Property(tries = 40)
  void unevenExchangesEqualTheDirectOne(
      @ForAll("topologies") Topology topology,
      @ForAll @IntRange(min = 0, max = 5) int most,
      @ForAll long seed) {
    long[][] rows = new long[topology.world()][];
    Random random = new Random(seed);
    Arrays.setAll(rows, rank -> random.longs(topology.nEp(), 0, most + 1).toArray());
    List<List<double[]>> results =
        onAllRanks(
            topology,
            (groups, dispatch) -> {
              List<Integer> group = topology.epGroup(groups.rank());
              int me = group.indexOf(groups.rank());
              long[] from = group.stream().mapToLong(peer -> rows[peer][me]).toArray();
              long[] to = rows[groups.rank()];
              Tensor input = numbers(Arrays.stream(to).sum(), groups.rank());
              Tensor output = torch.zeros(new long[] {Arrays.stream(from).sum(), 3});
              dispatch.exchange(output, input, from, to);
              return values(output);
            });
    assertAllEqual(results);
  }

  @Property(tries = 20)
  void evenExchangesEqualTheDirectOne(
      @ForAll("topologies") Topology topology, @ForAll @IntRange(min = 0, max = 5) int rows) {
    List<List<double[]>> results =
        onAllRanks(
            topology,
            (groups, dispatch) -> {
              Tensor input = numbers((long) rows * topology.nEp(), groups.rank());
              Tensor output = torch.zeros_like(input);
              dispatch.exchange(output, input);
              return values(output);
            });
    assertAllEqual(results);
  }

  @Test
  void aGroupIsSplitByNodeOnlyWhereNodesHoldEquallyManyOfItsRanks() throws Exception {
    assertThat(splits(new Topology(8, 4, 1, 4, 2))).containsOnly("2 inside, 2 across");
    assertThat(splits(new Topology(4, 2, 1, 2, 2))).containsOnly("1 inside, 2 across");
    assertThat(splits(new Topology(4, 4, 1, 4, 1))).containsOnly("4 inside, 1 across");
    assertThat(splits(new Topology(12, 3, 1, 4, 1)))
        .containsOnly("1 inside, 4 across", "2 inside, 2 across");
  }

  private static List<String> splits(Topology topology) throws Exception {
    try (InProcessWorld world = InProcessWorld.of(topology.world(), TIMEOUT)) {
      return IntStream.range(0, topology.world())
          .mapToObj(rank -> RankGroups.create(topology, rank, world.factory(rank), TIMEOUT))
          .map(RankGroups::epByNode)
          .map(
              split ->
                  "%d inside, %d across".formatted(split.inside().size(), split.across().size()))
          .toList();
    }
  }

  @FunctionalInterface
  private interface Exchange {
    double[] run(RankGroups groups, Dispatch dispatch);
  }

  /** What each rank gets, by direct, 1dh and 2dh. */
  private static List<List<double[]>> onAllRanks(Topology topology, Exchange exchange) {
    ExecutorService threads = Executors.newFixedThreadPool(topology.world());
    try (InProcessWorld world = InProcessWorld.of(topology.world(), TIMEOUT)) {
      List<Callable<List<double[]>>> ranks =
          IntStream.range(0, topology.world())
              .<Callable<List<double[]>>>mapToObj(
                  rank ->
                      () -> {
                        torch.set_num_threads(1);
                        RankGroups groups =
                            RankGroups.create(topology, rank, world.factory(rank), TIMEOUT);
                        return Stream.of("direct", "1dh", "2dh")
                            .map(name -> exchange.run(groups, dispatch(name, groups)))
                            .toList();
                      })
              .toList();
      List<List<double[]>> results = new ArrayList<>();
      for (Future<List<double[]>> rank : threads.invokeAll(ranks)) {
        results.add(rank.get());
      }
      return results;
    } catch (InterruptedException | ExecutionException e) {
      throw new AssertionError(e);
    } finally {
      threads.shutdown();
    }
  }

  private static Dispatch dispatch(String name, RankGroups groups) {
    return Modules.find(DispatchProvider.class, "moe.dispatch", name).create(groups);
  }

  private static void assertAllEqual(List<List<double[]>> results) {
    for (List<double[]> ofRank : results) {
      assertThat(ofRank.get(1)).as("1dh").isEqualTo(ofRank.get(0));
      assertThat(ofRank.get(2)).as("2dh").isEqualTo(ofRank.get(0));
    }
  }

  /** {@code [rows, 3]}, no number twice in the world. */
  private static Tensor numbers(long rows, int rank) {
    double[] values =
        IntStream.range(0, Math.toIntExact(rows * 3)).mapToDouble(i -> rank * 1000 + i).toArray();
    return Tensor.create(values, rows, 3).to(torch.ScalarType.Float);
  }

  private static double[] values(Tensor tensor) {
    double[] values = new double[Math.toIntExact(tensor.numel())];
    if (values.length > 0) {
      tensor.to(torch.ScalarType.Double).data_ptr_double().get(values);
    }
    return values;
  }
}
