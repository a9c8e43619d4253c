package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.sparkmoe.moe.DenseRouting;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateFixture;
import org.sparkmoe.moe.SparseRouting;

/** Each gate against its paper's formula in plain loops. */
class GateOracleTest {
  private static final int TRIES = 25;

  @Property(tries = TRIES)
  void switchTakesTheLargestSoftmaxUnscaled(@ForAll(supplier = GateCase.Cases.class) GateCase any) {
    GateCase c = any.withTopK(1);
    double[][] w = c.matrix(1, GateCase.WIDTH, c.experts());
    Gate gate = c.fixture("switch").option("jitter", "0").gate(GateCase.parameter("weight", w));
    GateDecision decision = c.fixture("switch").train(gate, Rows.tensor(c.tokens()));

    double[][] p = Oracle.softmax(Rows.product(c.tokens(), w));
    int[][] chosen = Oracle.top(p, 1);
    double[][] weights = Oracle.pick(p, chosen);
    GateCase.assertSparse(decision, chosen, weights, c.slots(chosen, weights, false));
    assertThat(Rows.scalar(decision.balanceLoss()))
        .isCloseTo(Oracle.balanceLoss(p, chosen), within(1e-9));
  }

  @Property(tries = TRIES)
  void switchMultipliesTheRoutersInputByJitterInTraining(
      @ForAll(supplier = GateCase.Cases.class) GateCase any) {
    GateCase c = any.withTopK(1);
    double[][] w = c.matrix(1, GateCase.WIDTH, c.experts());
    GateFixture fixture = c.fixture("switch").option("jitter", "0.3");
    Gate gate = fixture.gate(GateCase.parameter("weight", w));
    double[][] x = c.tokens();
    double[][] u =
        Rows.of(
            fixture
                .step(GateFixture.training(x.length), x.length, GateFixture.solo())
                .uniform(0, GateCase.WIDTH, Rows.tensor(x)));
    for (int s = 0; s < x.length; s++) {
      for (int m = 0; m < GateCase.WIDTH; m++) {
        x[s][m] *= 1 - 0.3 + 2 * 0.3 * u[s][m];
      }
    }
    double[][] p = Oracle.softmax(Rows.product(x, w));
    GateCase.assertClose(fixture.train(gate, Rows.tensor(c.tokens())).probabilitiesSE(), p);
    GateCase.assertClose(
        fixture.evaluate(gate, Rows.tensor(c.tokens())).probabilitiesSE(),
        Oracle.softmax(Rows.product(c.tokens(), w)));
  }

  @Property(tries = TRIES)
  void sigmoidIsGreedyInEvaluation(@ForAll(supplier = GateCase.Cases.class) GateCase c) {
    double[][] centroids = c.matrix(1, c.experts(), GateCase.WIDTH);
    GateFixture fixture = c.fixture("sigmoid").option("assignment", "greedy");
    Gate gate = fixture.gate(GateCase.parameter("centroids", centroids));
    GateDecision decision = fixture.evaluate(gate, Rows.tensor(c.tokens()));

    double[][] alpha = Rows.product(c.tokens(), transposed(centroids));
    int[][] chosen = Oracle.top(alpha, c.topK());
    for (double[] row : alpha) {
      Arrays.setAll(row, e -> Oracle.sigmoid(row[e]));
    }
    double[][] weights = Oracle.pick(alpha, chosen);
    GateCase.assertSparse(decision, chosen, weights, c.slots(chosen, weights, false));
    if (c.topK() == 1) {
      assertThat(Rows.of(decision.residualS1())[0][0]).isCloseTo(1 - weights[0][0], within(1e-9));
    } else {
      assertThat(decision.residualS1()).isNull();
    }
  }

  @Property(tries = TRIES)
  void xMoeRoutesByCosine(
      @ForAll(supplier = GateCase.Cases.class) GateCase c, @ForAll boolean softmax) {
    int d = 3;
    double[][] projection = c.matrix(1, GateCase.WIDTH, d);
    double[][] centroids = c.matrix(2, c.experts(), d);
    double tau = 0.4;
    GateFixture fixture =
        c.fixture("x-moe")
            .option("least-dimension", "" + d)
            .option("activation", softmax ? "softmax" : "sigmoid");
    Gate gate =
        fixture.gate(
            Map.of(
                "projection", Rows.flat(projection),
                "centroids", Rows.flat(centroids),
                "log_temperature", new double[] {Math.log(tau)}));
    GateDecision decision = fixture.train(gate, Rows.tensor(c.tokens()));

    double[][] low = Rows.product(c.tokens(), projection);
    double[][] cosines = new double[low.length][c.experts()];
    double[][] activated = new double[low.length][];
    double[][] forLoss = new double[low.length][];
    double tau0 = softmax ? 0.3 : 0.07;
    for (int s = 0; s < low.length; s++) {
      for (int e = 0; e < c.experts(); e++) {
        cosines[s][e] = dot(low[s], centroids[e]) / norm(low[s]) / norm(centroids[e]);
      }
      activated[s] = Arrays.stream(cosines[s]).map(v -> v / tau).toArray();
      activated[s] =
          softmax
              ? Oracle.softmax(activated[s])
              : Arrays.stream(activated[s]).map(Oracle::sigmoid).toArray();
      forLoss[s] = Oracle.softmax(Arrays.stream(cosines[s]).map(v -> v / tau0).toArray());
    }
    int[][] chosen = Oracle.top(cosines, c.topK());
    double[][] weights = Oracle.pick(activated, chosen);
    GateCase.assertSparse(decision, chosen, weights, c.slots(chosen, weights, false));
    assertThat(Rows.scalar(decision.balanceLoss()))
        .isCloseTo(Oracle.balanceLoss(forLoss, chosen), within(1e-8));
  }

  @Property(tries = TRIES)
  void expertChoiceGivesEachExpertItsBestTokens(
      @ForAll(supplier = GateCase.Cases.class) GateCase c) {
    double[][] w = c.matrix(1, GateCase.WIDTH, c.experts());
    GateFixture fixture = c.fixture("expert-choice");
    Gate gate = fixture.gate(GateCase.parameter("weight", w));
    GateDecision decision = fixture.train(gate, Rows.tensor(c.tokens()));

    double[][] p = Oracle.softmax(Rows.product(c.tokens(), w));
    int limit = Oracle.limit(c.factor(), c.topK(), c.groupTokens(), c.experts());
    boolean[][] taken = new boolean[p.length][c.experts()];
    for (int g = 0; g < c.groups(); g++) {
      for (int e = 0; e < c.experts(); e++) {
        double[] ofExpert = new double[c.groupTokens()];
        for (int i = 0; i < c.groupTokens(); i++) {
          ofExpert[i] = p[g * c.groupTokens() + i][e];
        }
        for (int token : Oracle.top(ofExpert, limit)) {
          taken[g * c.groupTokens() + token][e] = true;
        }
      }
    }
    SparseRouting routing = (SparseRouting) decision.routing();
    int[][] slots = Rows.ints(routing.slotsSK());
    boolean[] used = new boolean[c.experts() * limit * c.groups()];
    for (int s = 0; s < p.length; s++) {
      for (int e = 0; e < c.experts(); e++) {
        assertThat(slots[s][e] >= 0).as("token %d, expert %d", s, e).isEqualTo(taken[s][e]);
        if (slots[s][e] >= 0) {
          assertThat(slots[s][e] / (limit * c.groups())).isEqualTo(e);
          assertThat(used[slots[s][e]]).isFalse();
          used[slots[s][e]] = true;
        }
      }
    }
    GateCase.assertClose(routing.weightsSK(), p);
    assertThat(routing.capacity()).isEqualTo((long) limit * c.groups());
    assertThat(decision.balanceLoss()).isNull();
  }

  @Property(tries = TRIES)
  void softMixesTokensOfAGroup(@ForAll(supplier = GateCase.Cases.class) GateCase c) {
    int p = 2;
    double[][] mu = c.matrix(1, c.experts() * p, GateCase.WIDTH);
    double scale = 1.7;
    GateFixture fixture = c.fixture("soft").option("slots-per-expert", "" + p);
    Gate gate = fixture.gate(Map.of("slots", Rows.flat(mu), "scale", new double[] {scale}));
    double[][] x = c.tokens();
    DenseRouting routing = (DenseRouting) fixture.train(gate, Rows.tensor(x)).routing();

    double[][] logits = new double[x.length][mu.length];
    for (int s = 0; s < x.length; s++) {
      for (int j = 0; j < mu.length; j++) {
        logits[s][j] = scale * dot(x[s], mu[j]) / norm(x[s]) / norm(mu[j]);
      }
    }
    int capacity = p * c.groups();
    double[][] dispatch = new double[x.length][c.experts() * capacity];
    double[][] combine = new double[x.length][c.experts() * capacity];
    for (int s = 0; s < x.length; s++) {
      int g = s / c.groupTokens();
      double[] overSlots = Oracle.softmax(logits[s]);
      for (int j = 0; j < mu.length; j++) {
        double overTokens = 0;
        for (int t = g * c.groupTokens(); t < (g + 1) * c.groupTokens(); t++) {
          overTokens += Math.exp(logits[t][j]);
        }
        int column = j / p * capacity + g * p + j % p;
        dispatch[s][column] = Math.exp(logits[s][j]) / overTokens;
        combine[s][column] = overSlots[j];
      }
    }
    assertThat(routing.capacity()).isEqualTo(capacity);
    GateCase.assertClose(routing.dispatch(), dispatch);
    GateCase.assertClose(routing.combine(), combine);
  }

  @Property(tries = TRIES)
  void deepSeekChoosesByBiasedScoresWithinTheBestGroups(
      @ForAll(supplier = GateCase.Cases.class) GateCase any) {
    int experts = 6;
    GateCase c =
        new GateCase(
            any.seed(),
            experts,
            Math.min(any.topK(), 4),
            any.groups(),
            any.groupTokens(),
            any.factor(),
            any.drop());
    double[][] w = c.matrix(1, GateCase.WIDTH, experts);
    double[][] bias = c.matrix(2, 1, experts);
    GateFixture fixture =
        c.fixture("deepseek-v3")
            .option("expert-groups", "3")
            .option("kept-groups", "2")
            .option("route-scale", "2.5")
            .option("sequence-loss", "true");
    Gate gate = fixture.gate(Map.of("weight", Rows.flat(w), "bias", bias[0]));
    double[][] x = c.tokens();
    GateDecision decision = fixture.train(gate, Rows.tensor(x));

    double[][] s = Rows.product(x, w);
    int[][] chosen = new int[x.length][];
    for (int t = 0; t < x.length; t++) {
      double[] row = s[t];
      Arrays.setAll(row, e -> Oracle.sigmoid(row[e]));
      double[] biased = new double[experts];
      Arrays.setAll(biased, e -> row[e] + bias[0][e]);
      double[] ofGroup = new double[3];
      Arrays.setAll(ofGroup, g -> biased[2 * g] + biased[2 * g + 1]);
      int[] kept = Oracle.top(ofGroup, 2);
      for (int e = 0; e < experts; e++) {
        if (e / 2 != kept[0] && e / 2 != kept[1]) {
          biased[e] = Double.NEGATIVE_INFINITY;
        }
      }
      chosen[t] = Oracle.top(biased, c.topK());
    }
    double[][] ofChosen = Oracle.pick(s, chosen);
    double[][] weights = Oracle.divideBySum(ofChosen);
    for (double[] row : weights) {
      Arrays.setAll(row, k -> 2.5 * row[k]);
    }
    GateCase.assertSparse(decision, chosen, weights, c.slots(chosen, ofChosen, false));
    double loss = 0;
    double[][] p = Oracle.divideBySum(s);
    for (int g = 0; g < c.groups(); g++) {
      int from = g * c.groupTokens();
      int to = from + c.groupTokens();
      loss +=
          Oracle.balanceLoss(Arrays.copyOfRange(p, from, to), Arrays.copyOfRange(chosen, from, to))
              / c.topK()
              / c.groups();
    }
    assertThat(Rows.scalar(decision.balanceLoss())).isCloseTo(loss, within(1e-9));
  }

  private static double dot(double[] left, double[] right) {
    double sum = 0;
    for (int i = 0; i < left.length; i++) {
      sum += left[i] * right[i];
    }
    return sum;
  }

  private static double norm(double[] vector) {
    return Math.sqrt(dot(vector, vector));
  }

  private static double[][] transposed(double[][] matrix) {
    double[][] turned = new double[matrix[0].length][matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < matrix[0].length; j++) {
        turned[j][i] = matrix[i][j];
      }
    }
    return turned;
  }
}
