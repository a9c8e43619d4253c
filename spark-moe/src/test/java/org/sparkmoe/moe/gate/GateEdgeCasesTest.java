package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparkmoe.moe.DenseRouting;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateFixture;
import org.sparkmoe.moe.PackedRouting;
import org.sparkmoe.moe.SparseRouting;

/** What every gate does at the limits. */
class GateEdgeCasesTest {
  private static final int WIDTH = 5;
  private static final int EXPERTS = 4;

  static Stream<GateFixture> gates() {
    return Stream.of(
            GateFixture.of("noisy-top-k", EXPERTS, 2),
            GateFixture.of("gshard", EXPERTS, 2),
            GateFixture.of("gshard", EXPERTS, 2).option("second-choice", "random"),
            GateFixture.of("mixtral", EXPERTS, 2),
            GateFixture.of("switch", EXPERTS, 1),
            GateFixture.of("sigmoid", EXPERTS, 1),
            GateFixture.of("x-moe", EXPERTS, 2),
            GateFixture.of("expert-choice", EXPERTS, 2),
            GateFixture.of("soft", EXPERTS, 1).option("slots-per-expert", "1"),
            GateFixture.of("deepseek-v3", EXPERTS, 2).option("expert-groups", "2"))
        .map(fixture -> fixture.width(WIDTH));
  }

  @ParameterizedTest
  @MethodSource("gates")
  void fewerTokensThanExpertsAreRouted(GateFixture fixture) {
    GateDecision decision = fixture.train(fixture.gate(), Rows.tensor(Rows.normal(1, 1, WIDTH)));
    assertSound(decision);
    assertThat(Rows.flat(weights(decision))).doesNotContain(Double.NaN);
  }

  @ParameterizedTest
  @MethodSource("gates")
  void withoutDroppingEveryAssignmentHasARow(GateFixture fixture) {
    assertSound(
        fixture.capacity("*").train(fixture.gate(), Rows.tensor(Rows.normal(5, 12, WIDTH))));
  }

  @ParameterizedTest
  @MethodSource("gates")
  void equalTokensAllGetSoundPlaces(GateFixture fixture) {
    double[][] tokens = new double[8][];
    Arrays.fill(tokens, Rows.normal(2, 1, WIDTH)[0]);
    assertSound(fixture.capacity("1").train(fixture.gate(), Rows.tensor(tokens)));
  }

  @ParameterizedTest
  @MethodSource("gates")
  void aCapacityThatRoundsToNothingIsTheMinimumCapacity(GateFixture fixture) {
    GateDecision decision =
        fixture
            .capacity("1e-6")
            .minCapacity(2)
            .train(fixture.gate(), Rows.tensor(Rows.normal(3, 12, WIDTH)));
    assertSound(decision);
    if (decision.routing() instanceof SparseRouting) {
      assertThat(decision.routing().capacity()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @MethodSource("gates")
  void notANumberStaysWithItsTokenAndGroup(GateFixture fixture) {
    double[][] tokens = Rows.normal(4, 12, WIDTH);
    double[][] broken = Rows.normal(4, 12, WIDTH);
    broken[1][0] = Double.NaN;
    GateFixture grouped = fixture.group(6).capacity("1");
    Gate gate = grouped.gate();
    GateDecision whole = grouped.evaluate(gate, Rows.tensor(tokens));
    GateDecision decision = grouped.evaluate(gate, Rows.tensor(broken));

    assertSound(decision);
    assertThat(weights(decision)[1]).contains(Double.NaN);
    for (int s = 6; s < 12; s++) {
      assertThat(weights(decision)[s]).isEqualTo(weights(whole)[s]);
      if (decision.routing() instanceof SparseRouting routing) {
        assertThat(Rows.ints(routing.slotsSK())[s])
            .isEqualTo(Rows.ints(((SparseRouting) whole.routing()).slotsSK())[s]);
      }
    }
    if (decision.routing() instanceof SparseRouting) {
      for (int s : new int[] {0, 2, 3, 4, 5}) {
        assertThat(weights(decision)[s]).doesNotContain(Double.NaN);
      }
    }
  }

  @Test
  void tiesGoToTheLowerExpert() {
    for (String gate : new String[] {"mixtral", "noisy-top-k", "deepseek-v3", "gshard"}) {
      GateFixture fixture = GateFixture.of(gate, 3, 2).width(3);
      Gate made = fixture.gate();
      GateFixture.set(made.parameters().get(0), new double[9]);
      GateDecision decision = fixture.evaluate(made, Rows.tensor(Rows.normal(6, 5, 3)));
      assertThat(Rows.ints(decision.chosenSK()))
          .as(gate)
          .isDeepEqualTo(new int[][] {{0, 1}, {0, 1}, {0, 1}, {0, 1}, {0, 1}});
    }
  }

  private static double[][] weights(GateDecision decision) {
    return decision.routing() instanceof DenseRouting dense
        ? Rows.of(dense.combine())
        : Rows.of(GateCase.weights(decision));
  }

  /** Slots lie in the buffer of their expert, and none is given twice. */
  private static void assertSound(GateDecision decision) {
    if (decision.routing() instanceof PackedRouting packed) {
      assertSound(packed, Rows.ints(decision.chosenSK()));
    }
    if (!(decision.routing() instanceof SparseRouting routing)) {
      return;
    }
    long capacity = routing.capacity();
    boolean[] used = new boolean[Math.toIntExact(EXPERTS * capacity)];
    int[][] slots = Rows.ints(routing.slotsSK());
    int[][] chosen = Rows.ints(decision.chosenSK());
    for (int s = 0; s < slots.length; s++) {
      for (int k = 0; k < slots[s].length; k++) {
        if (slots[s][k] >= 0) {
          assertThat(slots[s][k] / capacity).isEqualTo(chosen[s][k]);
          assertThat(used[slots[s][k]]).isFalse();
          used[slots[s][k]] = true;
        }
      }
    }
  }

  /** Rows are those of the expert, none is given twice and none is left out. */
  private static void assertSound(PackedRouting routing, int[][] chosen) {
    int[][] rows = Rows.ints(routing.slotsSK());
    Map<Integer, Integer> expertOfRow = new TreeMap<>();
    for (int s = 0; s < rows.length; s++) {
      for (int k = 0; k < rows[s].length; k++) {
        assertThat(rows[s][k] >= 0).isEqualTo(chosen[s][k] >= 0);
        if (rows[s][k] >= 0) {
          assertThat(expertOfRow.put(rows[s][k], chosen[s][k])).isNull();
        }
      }
    }
    assertThat(expertOfRow.keySet())
        .containsExactlyElementsOf(IntStream.range(0, expertOfRow.size()).boxed().toList());
    assertThat(List.copyOf(expertOfRow.values())).isSorted();
    for (int e = 0; e < EXPERTS; e++) {
      assertThat(routing.countsE().get(e).item_long())
          .isEqualTo(Collections.frequency(expertOfRow.values(), e));
    }
  }
}
