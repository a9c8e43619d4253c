package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.sparkmoe.moe.DenseRouting;
import org.sparkmoe.moe.Gate;
import org.sparkmoe.moe.GateDecision;
import org.sparkmoe.moe.GateFixture;

/**
 * Each gate on numbers that can be followed with pencil and paper. The router is the identity, so
 * that tokens are logits; ln n makes softmax a fraction.
 */
class RoutingByHandTest {
  private static final double LN2 = Math.log(2);
  private static final double LN3 = Math.log(3);
  private static final double[] IDENTITY_3 = {1, 0, 0, 0, 1, 0, 0, 0, 1};

  /** softmax: (2, 1, 1)/4, (1, 3, 1)/5, (1, 1, 1)/3: a tie. */
  private static final double[][] TOKENS = {{LN2, 0, 0}, {0, LN3, 0}, {1, 1, 1}};

  @Test
  void mixtral() {
    GateDecision decision = train(GateFixture.of("mixtral", 3, 2), "weight");

    assertChosen(decision, new int[][] {{0, 1}, {1, 0}, {0, 1}});
    assertWeights(decision, new double[][] {{2. / 3, 1. / 3}, {3. / 4, 1. / 4}, {1. / 2, 1. / 2}});
    assertSlots(decision, new int[][] {{0, 3}, {4, 1}, {2, 5}});
    // Shares of tokens (1, 1, 0); means of p: expert 0 has 1/2 + 1/5 + 1/3, expert 1 has 1/4 + 3/5
    // + 1/3, over 3.
    assertLoss(decision, 3 * ((1. / 2 + 1. / 5 + 1. / 3) / 3 + (1. / 4 + 3. / 5 + 1. / 3) / 3));
  }

  @Test
  void switchTopOne() {
    GateDecision decision = train(GateFixture.of("switch", 3, 1).option("jitter", "0"), "weight");

    assertChosen(decision, new int[][] {{0}, {1}, {0}});
    assertWeights(decision, new double[][] {{1. / 2}, {3. / 5}, {1. / 3}});
    assertSlots(decision, new int[][] {{0}, {2}, {1}});
    double first = (1. / 2 + 1. / 5 + 1. / 3) / 3;
    double second = (1. / 4 + 3. / 5 + 1. / 3) / 3;
    assertLoss(decision, 3 * (2. / 3 * first + 1. / 3 * second));
  }

  @Test
  void gshardDropsSecondChoicesFirst() {
    // One place an expert: T = ceil(2 · 0.5 · 3 / 3).
    GateFixture fixture =
        GateFixture.of("gshard", 3, 2).option("second-choice", "plain").capacity("0.5");
    GateDecision decision = train(fixture, "weight");

    // Both second choices and the third token lose to first choices of earlier tokens.
    assertChosen(decision, new int[][] {{0, 1}, {1, 0}, {0, 1}});
    assertSlots(decision, new int[][] {{0, -1}, {1, -1}, {-1, -1}});
    assertWeights(decision, new double[][] {{1, 0}, {1, 0}, {0, 0}});
    double first = (1. / 2 + 1. / 5 + 1. / 3) / 3;
    double second = (1. / 4 + 3. / 5 + 1. / 3) / 3;
    assertLoss(decision, 3 * (2. / 3 * first + 1. / 3 * second));
  }

  @Test
  void noisyTopKInEvaluationIsSoftmaxOverTheChosen() {
    GateFixture fixture = GateFixture.of("noisy-top-k", 3, 2).width(3);
    GateDecision decision =
        fixture.evaluate(fixture.gate(Map.of("weight", IDENTITY_3)), Rows.tensor(TOKENS));

    assertChosen(decision, new int[][] {{0, 1}, {1, 0}, {0, 1}});
    assertWeights(decision, new double[][] {{2. / 3, 1. / 3}, {3. / 4, 1. / 4}, {1. / 2, 1. / 2}});
    assertThat(decision.loadE()).isNull();
  }

  @Test
  void sigmoidBalancesInTrainingOnly() {
    GateFixture fixture = GateFixture.of("sigmoid", 2, 1).width(2);
    Gate gate = fixture.gate(Map.of("centroids", new double[] {1, 0, 0, 1}));
    // All prefer expert 0, the second by least: the best balanced sum sends it and the third away.
    Tensor tokens = Rows.tensor(new double[][] {{4, 0}, {LN3, 1}, {3, 1}, {5, 0}});

    assertChosen(fixture.evaluate(gate, tokens), new int[][] {{0}, {0}, {0}, {0}});
    GateDecision decision = fixture.train(gate, tokens);
    assertChosen(decision, new int[][] {{0}, {1}, {1}, {0}});
    double alpha = 1 / (1 + Math.exp(-1));
    assertThat(Rows.of(GateCase.weights(decision))[1][0]).isCloseTo(alpha, within(1e-12));
    assertThat(Rows.of(decision.residualS1())[1][0]).isCloseTo(1 - alpha, within(1e-12));
    assertThat(Rows.of(GateCase.weights(fixture.evaluate(gate, tokens)))[1][0])
        .isCloseTo(3. / 4, within(1e-12));
  }

  @Test
  void xMoe() {
    GateFixture fixture = GateFixture.of("x-moe", 2, 1).width(2).option("least-dimension", "2");
    Gate gate =
        fixture.gate(
            Map.of(
                "projection", new double[] {1, 0, 0, 1},
                "centroids", new double[] {5, 0, 0, 0.1},
                "log_temperature", new double[] {Math.log(1 / LN2)}));
    GateDecision decision =
        fixture.train(gate, Rows.tensor(new double[][] {{10, 0}, {0, 0.5}, {3, 4}}));

    // Cosines (1, 0), (0, 1), (0.6, 0.8); times ln 2, so that softmax is 2^s over the sum.
    assertChosen(decision, new int[][] {{0}, {1}, {1}});
    double third = 1 / (1 + Math.pow(2, -0.2));
    assertWeights(decision, new double[][] {{2. / 3}, {2. / 3}, {third}});
  }

  @Test
  void expertChoiceTiesGoToTheEarlierToken() {
    // Each expert takes one of the three tokens; expert 2 has p = 1/4, 1/5, 1/3.
    GateDecision decision = train(GateFixture.of("expert-choice", 3, 1).capacity("1"), "weight");

    assertSlots(decision, new int[][] {{0, -1, -1}, {-1, 1, -1}, {-1, -1, 2}});
    GateFixture fixture = GateFixture.of("expert-choice", 3, 1).capacity("1").width(3);
    Tensor same = Rows.tensor(new double[][] {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}});
    assertSlots(
        fixture.train(fixture.gate(Map.of("weight", IDENTITY_3)), same),
        new int[][] {{0, 1, 2}, {-1, -1, -1}, {-1, -1, -1}});
  }

  @Test
  void soft() {
    GateFixture fixture = GateFixture.of("soft", 2, 1).option("slots-per-expert", "1").width(2);
    Gate gate =
        fixture.gate(Map.of("slots", new double[] {2, 0, 0, 3}, "scale", new double[] {LN2}));
    DenseRouting routing =
        (DenseRouting)
            fixture.train(gate, Rows.tensor(new double[][] {{7, 0}, {0, 0.1}})).routing();

    double[][] expected = {{2. / 3, 1. / 3}, {1. / 3, 2. / 3}};
    GateCase.assertClose(routing.dispatch(), expected);
    GateCase.assertClose(routing.combine(), expected);
  }

  @Test
  void deepSeekChoosesWithBiasAndWeighsWithout() {
    GateFixture fixture =
        GateFixture.of("deepseek-v3", 3, 2)
            .width(3)
            .option("route-scale", "2")
            .option("bias-rate", "0");
    Gate gate = fixture.gate(Map.of("weight", IDENTITY_3, "bias", new double[] {0, 0, 0.3}));
    // σ = (3/4, 1/2, 1/4): the bias lifts the third to 0.55, above the second.
    GateDecision decision =
        fixture.train(gate, Rows.tensor(new double[][] {{LN3, 0, -LN3}, {0, 0, 0}}));

    assertChosen(decision, new int[][] {{0, 2}, {2, 0}});
    assertWeights(decision, new double[][] {{2 * 3. / 4, 2 * 1. / 4}, {1, 1}});
    assertThat(decision.balanceLoss()).isNull();
  }

  private static GateDecision train(GateFixture fixture, String weight) {
    Gate gate = fixture.width(3).gate(Map.of(weight, IDENTITY_3));
    return fixture.train(gate, Rows.tensor(TOKENS));
  }

  private static void assertChosen(GateDecision decision, int[][] expected) {
    assertThat(Rows.ints(decision.chosenSK())).isDeepEqualTo(expected);
  }

  private static void assertSlots(GateDecision decision, int[][] expected) {
    assertThat(GateCase.slots(decision)).isDeepEqualTo(expected);
  }

  private static void assertWeights(GateDecision decision, double[][] expected) {
    GateCase.assertClose(GateCase.weights(decision), expected);
  }

  private static void assertLoss(GateDecision decision, double expected) {
    assertThat(Rows.scalar(decision.balanceLoss())).isCloseTo(expected, within(1e-12));
  }
}
