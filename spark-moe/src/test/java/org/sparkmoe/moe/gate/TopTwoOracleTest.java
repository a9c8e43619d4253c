package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateFixture;

/** Mixtral's and GShard's gates against their papers' formulas in plain loops. */
class TopTwoOracleTest {
  private static final int TRIES = 25;

  @Property(tries = TRIES)
  void mixtralDividesTheKLargestByTheirSum(@ForAll(supplier = GateCase.Cases.class) GateCase c) {
    double[][] w = c.matrix(1, GateCase.WIDTH, c.experts());
    Gate gate = c.fixture("mixtral").gate(GateCase.parameter("weight", w));
    GateDecision decision = c.fixture("mixtral").train(gate, Rows.tensor(c.tokens()));

    double[][] p = Oracle.softmax(Rows.product(c.tokens(), w));
    int[][] chosen = Oracle.top(p, c.topK());
    double[][] best = Oracle.pick(p, chosen);
    double[][] weights = Oracle.divideBySum(best);
    GateCase.assertSparse(decision, chosen, weights, c.slots(chosen, best, false));
    assertThat(Rows.scalar(decision.balanceLoss()))
        .isCloseTo(Oracle.balanceLoss(p, chosen), within(1e-9));
  }

  @Property(tries = TRIES)
  void gshardPlainTakesTheTwoBest(@ForAll(supplier = GateCase.Cases.class) GateCase any) {
    GateCase c = any.withTopK(2);
    double[][] p = Oracle.softmax(logits(c));
    assertGShard(c, "plain", p, Oracle.top(p, 2));
  }

  @Property(tries = TRIES)
  void gshardSamplesTheSecondByGumbel(@ForAll(supplier = GateCase.Cases.class) GateCase any) {
    GateCase c = any.withTopK(2);
    double[][] h = logits(c);
    double[][] u = uniform(c, c.experts());
    double[][] p = Oracle.softmax(h);
    int[][] chosen = Oracle.top(p, 2);
    for (int s = 0; s < h.length; s++) {
      for (int e = 0; e < c.experts(); e++) {
        h[s][e] -= Math.log(-Math.log(u[s][e]));
      }
      h[s][chosen[s][0]] = Double.NEGATIVE_INFINITY;
      chosen[s][1] = Oracle.top(h[s], 1)[0];
    }
    assertGShard(c, "sampling", p, chosen);
  }

  @Property(tries = TRIES)
  void gshardKeepsTheSecondAtRandom(@ForAll(supplier = GateCase.Cases.class) GateCase any) {
    GateCase c = any.withTopK(2);
    double[][] p = Oracle.softmax(logits(c));
    double[][] u = uniform(c, 1);
    int[][] chosen = Oracle.top(p, 2);
    for (int s = 0; s < p.length; s++) {
      if (u[s][0] >= 2 * p[s][chosen[s][1]]) {
        chosen[s][1] = -1;
      }
    }
    assertGShard(c, "random", p, chosen);
  }

  private static void assertGShard(GateCase c, String second, double[][] p, int[][] chosen) {
    GateFixture fixture = c.fixture("gshard").option("second-choice", second);
    double[][] w = c.matrix(1, GateCase.WIDTH, c.experts());
    Gate gate = fixture.gate(Map.of("weight", Rows.flat(w)));
    GateDecision decision = fixture.train(gate, Rows.tensor(c.tokens()));

    double[][] priorities = new double[p.length][2];
    double[][] weights = new double[p.length][2];
    int[][] first = new int[p.length][1];
    for (int s = 0; s < p.length; s++) {
      first[s][0] = chosen[s][0];
      for (int k = 0; k < 2; k++) {
        priorities[s][k] = chosen[s][k] < 0 ? 0 : p[s][chosen[s][k]];
      }
    }
    int[][] slots = c.slots(chosen, priorities, true);
    for (int s = 0; s < p.length; s++) {
      double g1 = slots[s][0] < 0 ? 0 : priorities[s][0];
      double g2 = slots[s][1] < 0 ? 0 : priorities[s][1];
      weights[s][0] = g1 / Math.max(g1 + g2, 1e-9);
      weights[s][1] = g2 / Math.max(g1 + g2, 1e-9);
    }
    GateCase.assertSparse(decision, chosen, weights, slots);
    assertThat(Rows.scalar(decision.balanceLoss()))
        .isCloseTo(Oracle.balanceLoss(p, first), within(1e-9));
  }

  private static double[][] logits(GateCase c) {
    return Rows.product(c.tokens(), c.matrix(1, GateCase.WIDTH, c.experts()));
  }

  private static double[][] uniform(GateCase c, int columns) {
    double[][] x = c.tokens();
    return Rows.of(
        c.fixture("gshard")
            .step(GateFixture.training(x.length), x.length, GateFixture.solo())
            .uniform(0, columns, Rows.tensor(x)));
  }
}
