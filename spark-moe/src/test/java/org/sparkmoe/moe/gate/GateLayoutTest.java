package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.InProcessCommunicator;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateFixture;
import org.sparkmoe.moe.MoeConfig.Drop;
import org.sparkmoe.moe.SparseRouting;
import org.sparkmoe.moe.StepContext;

/**
 * With {@code moe.routing-group} set, each token is routed the same wherever it is computed: same
 * experts, same place in its group, same weights, also where noise and jitter are on.
 */
class GateLayoutTest {
  private static final int TOKENS = 24;
  private static final int GROUP = 6;
  private static final int WIDTH = 5;

  /** Each assignment of each token as "expert, group, place: weight". */
  private record Routes(List<List<String>> ofToken) {}

  static Stream<GateFixture> gates() {
    return Stream.of(
            GateFixture.of("noisy-top-k", 4, 2),
            GateFixture.of("gshard", 4, 2),
            GateFixture.of("gshard", 4, 2).option("second-choice", "random"),
            GateFixture.of("mixtral", 4, 2).drop(Drop.PROBABILITY),
            GateFixture.of("mixtral", 4, 2).drop(Drop.BATCH_PRIORITY),
            GateFixture.of("switch", 4, 1),
            GateFixture.of("sigmoid", 4, 1),
            GateFixture.of("x-moe", 4, 2),
            GateFixture.of("expert-choice", 4, 2),
            GateFixture.of("deepseek-v3", 4, 2))
        .map(fixture -> fixture.width(WIDTH).group(GROUP).capacity("0.7"));
  }

  @ParameterizedTest
  @MethodSource("gates")
  void twoAndFourRanksDecideAsOne(GateFixture fixture) {
    Routes one = routes(fixture, 1);
    assertThat(routes(fixture, 2)).isEqualTo(one);
    assertThat(routes(fixture, 4)).isEqualTo(one);
  }

  private static Routes routes(GateFixture fixture, int ranks) {
    List<Communicator> world = InProcessCommunicator.group(ranks, Duration.ofSeconds(30));
    List<CompletableFuture<Routes>> running =
        IntStream.range(0, ranks)
            .mapToObj(
                rank ->
                    CompletableFuture.supplyAsync(
                        () -> rank(fixture, world.get(rank)), task -> new Thread(task).start()))
            .toList();
    List<List<String>> all = new ArrayList<>();
    running.forEach(rank -> all.addAll(rank.join().ofToken));
    world.forEach(Communicator::close);
    return new Routes(all);
  }

  private static Routes rank(GateFixture fixture, Communicator world) {
    int share = TOKENS / world.size();
    int first = world.rank() * share;
    double[][] tokens = new double[share][];
    System.arraycopy(Rows.normal(9, TOKENS, WIDTH), first, tokens, 0, share);
    Gate gate = fixture.gate();
    GateDecision decision =
        gate.route(
            Rows.tensor(tokens),
            fixture.step(new StepContext(true, 3, 1, 0, 1, first, TOKENS), share, world));
    SparseRouting routing = (SparseRouting) decision.routing();
    int[][] slots = Rows.ints(routing.slotsSK());
    double[][] weights = Rows.of(routing.weightsSK());
    int groups = share / GROUP;
    int capacity = Math.toIntExact(routing.capacity());
    List<List<String>> ofToken = new ArrayList<>();
    for (int s = 0; s < share; s++) {
      List<String> routes = new ArrayList<>();
      for (int k = 0; k < slots[s].length; k++) {
        int slot = slots[s][k];
        int place = slot % capacity;
        int limit = capacity / groups;
        routes.add(
            slot < 0
                ? "dropped"
                : "%d, %d, %d: %.9f"
                    .formatted(
                        slot / capacity,
                        first / GROUP + place / limit,
                        place % limit,
                        weights[s][k]));
      }
      ofToken.add(routes);
    }
    return new Routes(ofToken);
  }
}
