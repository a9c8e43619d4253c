package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateFixture;

/** Shazeer's noisy top-k against its formulas (§2.1, appendix A) in plain loops. */
class NoisyTopKOracleTest {
  private static final int TRIES = 25;

  @Property(tries = TRIES)
  void hasNoNoiseInEvaluation(@ForAll(supplier = GateCase.Cases.class) GateCase c) {
    double[][] h = Rows.product(c.tokens(), weight(c));
    int[][] chosen = Oracle.top(h, c.topK());
    double[][] weights = Oracle.softmax(Oracle.pick(h, chosen));
    GateCase.assertSparse(
        c.fixture("noisy-top-k").evaluate(gate(c), Rows.tensor(c.tokens())),
        chosen,
        weights,
        c.slots(chosen, weights, false));
  }

  @Property(tries = TRIES)
  void addsNoiseOfLearnedDeviationInTraining(@ForAll(supplier = GateCase.Cases.class) GateCase c) {
    double[][] x = c.tokens();
    double[][] h = Rows.product(x, weight(c));
    double[][] deviation = Rows.product(x, noise(c));
    double[][] noisy = new double[x.length][c.experts()];
    double[][] normal =
        Rows.of(
            c.fixture("noisy-top-k")
                .step(GateFixture.training(x.length), x.length, GateFixture.solo())
                .normal(0, c.experts(), Rows.tensor(x)));
    for (int s = 0; s < x.length; s++) {
      for (int e = 0; e < c.experts(); e++) {
        deviation[s][e] = Math.log1p(Math.exp(deviation[s][e]));
        noisy[s][e] = h[s][e] + normal[s][e] * deviation[s][e];
      }
    }
    int[][] chosen = Oracle.top(noisy, c.topK());
    double[][] weights = Oracle.softmax(Oracle.pick(noisy, chosen));
    GateDecision decision = c.fixture("noisy-top-k").train(gate(c), Rows.tensor(x));
    GateCase.assertSparse(decision, chosen, weights, c.slots(chosen, weights, false));

    double[] importance = new double[c.experts()];
    double[] load = new double[c.experts()];
    for (int s = 0; s < x.length; s++) {
      for (int k = 0; k < c.topK(); k++) {
        importance[chosen[s][k]] += weights[s][k];
      }
      for (int e = 0; e < c.experts(); e++) {
        load[e] += normalCdf((h[s][e] - kthExcluding(noisy[s], c.topK(), e)) / deviation[s][e]);
      }
    }
    assertThat(Rows.scalar(decision.balanceLoss()))
        .isCloseTo(
            (Oracle.squaredVariation(importance) + Oracle.squaredVariation(load)) / 2,
            within(1e-6));
  }

  /** The k-th largest of the others; -∞ if there are fewer. */
  private static double kthExcluding(double[] noisy, int k, int expert) {
    if (k > noisy.length - 1) {
      return Double.NEGATIVE_INFINITY;
    }
    double[] others = new double[noisy.length - 1];
    for (int e = 0, i = 0; e < noisy.length; e++) {
      if (e != expert) {
        others[i++] = noisy[e];
      }
    }
    return others[Oracle.top(others, k)[k - 1]];
  }

  /** Φ by its series around 0, and 0 or 1 where that is exact to 1e-12. */
  private static double normalCdf(double z) {
    if (Math.abs(z) > 7) {
      return z < 0 ? 0 : 1;
    }
    double term = z;
    double sum = z;
    for (int n = 3; n < 400; n += 2) {
      term *= z * z / n;
      sum += term;
    }
    return 0.5 + sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
  }

  private static Gate gate(GateCase c) {
    return c.fixture("noisy-top-k")
        .gate(Map.of("weight", Rows.flat(weight(c)), "noise", Rows.flat(noise(c))));
  }

  private static double[][] weight(GateCase c) {
    return c.matrix(1, GateCase.WIDTH, c.experts());
  }

  private static double[][] noise(GateCase c) {
    return c.matrix(2, GateCase.WIDTH, c.experts());
  }
}
