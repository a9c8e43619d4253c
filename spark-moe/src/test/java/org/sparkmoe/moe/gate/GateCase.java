package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ArbitrarySupplier;
import net.jqwik.api.Combinators;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateFixture;
import org.sparkmoe.moe.MoeConfig.Drop;
import org.sparkmoe.moe.PackedRouting;
import org.sparkmoe.moe.SparseRouting;

/** Random input of a gate: {@code groups} routing groups of {@code groupTokens} tokens. */
record GateCase(
    long seed, int experts, int topK, int groups, int groupTokens, double factor, Drop drop) {
  static final int WIDTH = 5;

  /** For {@code @ForAll(supplier = ...)}. */
  static final class Cases implements ArbitrarySupplier<GateCase> {
    @Override
    public Arbitrary<GateCase> get() {
      return Arbitraries.integers().between(2, 7).flatMap(Cases::withExperts);
    }

    private static Arbitrary<GateCase> withExperts(int experts) {
      return Combinators.combine(
              Arbitraries.longs().between(0, 1_000_000),
              Arbitraries.integers().between(1, experts),
              Arbitraries.integers().between(1, 3),
              Arbitraries.integers().between(1, 9),
              Arbitraries.of(0.3, 0.5, 1.0, 1.25, 2.0),
              Arbitraries.of(Drop.class))
          .as(
              (seed, k, groups, n, factor, drop) ->
                  new GateCase(seed, experts, k, groups, n, factor, drop));
    }
  }

  GateFixture fixture(String gate) {
    return GateFixture.of(gate, experts, topK)
        .width(WIDTH)
        .group(groupTokens)
        .capacity(String.valueOf(factor))
        .drop(drop);
  }

  GateCase withTopK(int k) {
    return new GateCase(seed, experts, k, groups, groupTokens, factor, drop);
  }

  double[][] tokens() {
    return Rows.normal(seed, groups * groupTokens, WIDTH);
  }

  double[][] matrix(int stream, int rows, int columns) {
    return Rows.normal(seed * 31 + stream, rows, columns);
  }

  int[][] slots(int[][] chosen, double[][] priorities, boolean choiceMajor) {
    int limit = Oracle.limit(factor, topK, groupTokens, experts);
    return Oracle.slots(
        chosen, priorities, new Oracle.Rules(experts, groupTokens, limit, drop, choiceMajor));
  }

  static Map<String, double[]> parameter(String name, double[][] matrix) {
    return Map.of(name, Rows.flat(matrix));
  }

  static void assertSparse(
      GateDecision decision, int[][] chosen, double[][] weights, int[][] slots) {
    assertThat(Rows.ints(decision.chosenSK())).isDeepEqualTo(chosen);
    assertThat(slots(decision)).isDeepEqualTo(slots);
    assertClose(weights(decision), weights);
  }

  /** Of a routing that is not dense. */
  static int[][] slots(GateDecision decision) {
    return Rows.ints(
        decision.routing() instanceof PackedRouting packed
            ? packed.slotsSK()
            : ((SparseRouting) decision.routing()).slotsSK());
  }

  /** Of a routing that is not dense. */
  static Tensor weights(GateDecision decision) {
    return decision.routing() instanceof PackedRouting packed
        ? packed.weightsSK()
        : ((SparseRouting) decision.routing()).weightsSK();
  }

  static void assertClose(Tensor actual, double[][] expected) {
    assertThat(Rows.flat(Rows.of(actual))).containsExactly(Rows.flat(expected), within(1e-9));
  }
}
