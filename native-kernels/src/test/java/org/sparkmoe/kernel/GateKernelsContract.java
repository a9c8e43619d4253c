package org.sparkmoe.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.kernel.GateKernels.Choice;
import org.sparkmoe.kernel.GateKernels.Rule;
import org.sparkmoe.kernel.GateKernels.Score;
import org.sparkmoe.tensor.TensorScope;

/** What every implementation of the gate kernels must do. */
abstract class GateKernelsContract {

  abstract GateKernels kernels();

  @Property(tries = 25)
  void scoresChoicesAndQueuesMatchPlainLoops(
      @ForAll @IntRange(max = 90) int tokens,
      @ForAll @IntRange(min = 1, max = 70) int experts,
      @ForAll @IntRange(min = 1, max = 8) int wanted,
      @ForAll Score score,
      @ForAll boolean choiceMajor,
      @ForAll boolean biased,
      @ForAll long seed) {
    try (TensorScope scope = TensorScope.open()) {
      int choices = Math.min(wanted, experts);
      Random random = new Random(seed);
      // Few different values, so that ties are common.
      double[][] logits = values(random, tokens, experts, 4);
      double[] bias = values(random, 1, experts, biased ? 2 : 0)[0];

      Choice choice =
          kernels()
              .choose(
                  floats(logits, experts),
                  biased ? Tensor.create(toFloats(bias)) : null,
                  new Rule(choices, score, choiceMajor));

      double[][] expectedScores = PlainGate.scores(logits, score);
      assertThat(choice.scores().allclose(floats(expectedScores, experts), 1e-5, 1e-7, false))
          .isTrue();
      // Of the rounded scores, which alone say what is a tie.
      double[][] rounded = doubles(choice.scores());
      float[] narrowBias = toFloats(bias);
      long[][] expectedExperts = PlainGate.largest(rounded, doubles(narrowBias), choices);
      assertThat(choice.experts().equal(longs(expectedExperts, choices))).isTrue();
      long[][] positions = PlainRouting.capacityPositions(expectedExperts, experts, choiceMajor);
      assertThat(choice.positions().equal(longs(positions, choices))).isTrue();
      long[] lengths = new long[experts];
      Arrays.stream(expectedExperts).flatMapToLong(Arrays::stream).forEach(e -> lengths[(int) e]++);
      assertThat(choice.queueLengths().equal(Tensor.create(lengths))).isTrue();
    }
  }

  @Property(tries = 30)
  void theGradientMatchesPlainLoops(
      @ForAll @IntRange(max = 20) int tokens,
      @ForAll @IntRange(min = 1, max = 70) int experts,
      @ForAll Score score,
      @ForAll long seed) {
    try (TensorScope scope = TensorScope.open()) {
      Random random = new Random(seed);
      double[][] scores = PlainGate.scores(values(random, tokens, experts, 16), score);
      double[][] gradient = values(random, tokens, experts, 16);
      Tensor actual =
          kernels().logitsGradient(floats(scores, experts), floats(gradient, experts), score);
      Tensor expected = floats(PlainGate.logitsGradient(scores, gradient, score), experts);
      assertThat(actual.allclose(expected, 1e-4, 1e-6, false)).isTrue();
    }
  }

  @Example
  void largestTakesTheFirstOfEqualsAndWhatIsNotANumberFirst() {
    try (TensorScope scope = TensorScope.open()) {
      float inf = Float.POSITIVE_INFINITY;
      Tensor scores =
          Tensor.create(new float[] {1, 3, 3, 2, 1, Float.NaN, inf, Float.NaN, -inf, -inf, -inf, 0})
              .view(3, 4);
      Tensor expected = Tensor.create(new long[] {1, 2, 3, 1, 3, 2, 3, 0, 1}).view(3, 3);
      assertThat(kernels().largest(scores, 3).equal(expected)).isTrue();
    }
  }

  @Property(tries = 40)
  void expertsTakeTheirLargestAsPlainLoopsDo(
      @ForAll @IntRange(min = 1, max = 40) int groupTokens,
      @ForAll @IntRange(min = 1, max = 3) int groups,
      @ForAll @IntRange(min = 1, max = 40) int experts,
      @ForAll @IntRange(min = 1, max = 40) int wanted,
      @ForAll("dtypes") ScalarType dtype,
      @ForAll long seed) {
    try (TensorScope scope = TensorScope.open()) {
      long limit = Math.min(wanted, groupTokens);
      Random random = new Random(seed);
      double[][] scores = values(random, groups * groupTokens, experts, 3);
      scores[random.nextInt(scores.length)][random.nextInt(experts)] = Double.NaN;
      scores[random.nextInt(scores.length)][random.nextInt(experts)] = Double.NEGATIVE_INFINITY;
      Tensor places =
          kernels().placesOfTaken(floats(scores, experts).to(dtype), groupTokens, limit);
      long[][] expected = PlainGate.placesOfTaken(scores, groupTokens, limit);
      assertThat(places.equal(longs(expected, experts))).isTrue();
    }
  }

  @Provide
  Arbitrary<ScalarType> dtypes() {
    return Arbitraries.of(ScalarType.Float, ScalarType.Double, ScalarType.BFloat16);
  }

  @Property(tries = 25)
  void balancedAssignmentsAreThoseOfTheAuctionInJava(
      @ForAll @IntRange(min = 1, max = 60) int groupTokens,
      @ForAll @IntRange(min = 1, max = 3) int groups,
      @ForAll @IntRange(min = 1, max = 40) int experts,
      @ForAll boolean ties,
      @ForAll("dtypes") ScalarType dtype,
      @ForAll long seed) {
    try (TensorScope scope = TensorScope.open()) {
      Random random = new Random(seed);
      double[][] scores = values(random, groups * groupTokens, experts, ties ? 3 : 1 << 20);
      scores[random.nextInt(scores.length)][random.nextInt(experts)] = Double.NaN;
      Tensor matrix = floats(scores, experts).to(dtype);
      assertThat(
              kernels()
                  .balanced(matrix, groupTokens)
                  .equal(BalancedAssignment.of(matrix, groupTokens)))
          .isTrue();
    }
  }

  @Example
  void groupsAndLimitsThatDoNotFitAreRefused() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor scores = torch.zeros(6, 4);
      assertThatThrownBy(() -> kernels().balanced(scores, 4))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("groupTokens 4 must be positive and divide 6 tokens");
      assertThatThrownBy(() -> kernels().placesOfTaken(scores, 3, 4))
          .hasMessage("limit 4 must be from 1 to the 3 tokens of a group");
    }
  }

  @Example
  void wrongArgumentsAreRefused() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor logits = torch.zeros(3, 4);
      assertThatThrownBy(() -> kernels().choose(logits, null, new Rule(5, Score.SOFTMAX, false)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("choices 5 must be between 1 and 4, the smaller of 4 experts and 16");
      assertThatThrownBy(
              () ->
                  kernels()
                      .choose(
                          logits.to(ScalarType.BFloat16), null, new Rule(1, Score.SOFTMAX, false)))
          .hasMessage("logits has dtype BFloat16, allowed: [Float]");
      assertThatThrownBy(
              () -> kernels().choose(logits, torch.zeros(3), new Rule(1, Score.SIGMOID, false)))
          .hasMessage("bias has shape [3], expected [4]");
    }
  }

  private static double[][] values(Random random, int rows, int columns, int kinds) {
    double[][] values = new double[rows][columns];
    for (double[] row : values) {
      Arrays.setAll(row, i -> kinds == 0 ? 0 : (random.nextInt(2 * kinds + 1) - kinds) / 4.0);
    }
    return values;
  }

  private static float[] toFloats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    Arrays.setAll(doubles, i -> values[i]);
    return doubles;
  }

  private static Tensor floats(double[][] values, int width) {
    double[] flat = Arrays.stream(values).flatMapToDouble(Arrays::stream).toArray();
    return (flat.length == 0 ? torch.zeros(0) : Tensor.create(toFloats(flat)))
        .view(values.length, width);
  }

  private static double[][] doubles(Tensor matrix) {
    double[][] values = new double[(int) matrix.size(0)][(int) matrix.size(1)];
    Tensor wide = matrix.to(ScalarType.Double);
    for (int s = 0; s < values.length; s++) {
      for (int e = 0; e < values[s].length; e++) {
        values[s][e] = wide.data_ptr_double().get((long) s * values[s].length + e);
      }
    }
    return values;
  }

  private static Tensor longs(long[][] values, int width) {
    long[] flat = Arrays.stream(values).flatMapToLong(Arrays::stream).toArray();
    return (flat.length == 0 ? torch.zeros(0).to(ScalarType.Long) : Tensor.create(flat))
        .view(values.length, width);
  }
}
