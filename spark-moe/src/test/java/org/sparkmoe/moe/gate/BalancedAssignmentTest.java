package org.sparkmoe.moe.gate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.sparkmoe.kernel.GateKernels;

class BalancedAssignmentTest {

  @Property(tries = 60)
  void isWithinItsPrecisionOfTheBestBalancedSum(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 7) int tokens,
      @ForAll @IntRange(min = 1, max = 4) int experts) {
    double[][] scores = Rows.normal(seed, tokens, experts);
    int[] chosen = assigned(scores, tokens);
    int places = (tokens + experts - 1) / experts;

    assertThat(Arrays.stream(counts(chosen, experts)).max().orElseThrow())
        .isLessThanOrEqualTo(places);
    double best = best(scores, 0, new int[experts], places);
    double range = range(scores);
    assertThat(sum(scores, chosen)).isGreaterThanOrEqualTo(best - places * experts * range * 1e-3);
  }

  @Test
  void givesEveryExpertEquallyManyOfManyTokens() {
    double[][] scores = Rows.normal(1, 512, 16);
    assertThat(counts(assigned(scores, 512), 16)).containsOnly(32);
  }

  @Test
  void balancesTokensThatAreAllAlike() {
    double[][] scores = new double[96][];
    Arrays.setAll(scores, s -> new double[] {3, 3, 0, -1});
    assertThat(counts(assigned(scores, 96), 4)).containsOnly(24);
  }

  @Test
  void balancesEachGroupByItself() {
    double[][] scores = Rows.normal(2, 24, 3);
    int[] together = assigned(scores, 12);
    assertThat(Arrays.copyOf(together, 12)).isEqualTo(assigned(Arrays.copyOf(scores, 12), 12));
    assertThat(Arrays.copyOfRange(together, 12, 24))
        .isEqualTo(assigned(Arrays.copyOfRange(scores, 12, 24), 12));
  }

  @Test
  void takesNotANumberAsTheLargest() {
    double[][] scores = {{0, Double.NaN}, {0, 1}, {2, 0}, {Double.NEGATIVE_INFINITY, 0}};
    int[] chosen = assigned(scores, 4);
    assertThat(chosen[0]).isEqualTo(1);
    assertThat(counts(chosen, 2)).containsExactly(2, 2);
  }

  @Test
  void isDeterministic() {
    double[][] scores = Rows.normal(3, 128, 8);
    assertThat(assigned(scores, 128)).isEqualTo(assigned(scores, 128));
  }

  private static int[] assigned(double[][] scores, int group) {
    Tensor matrix = Rows.tensor(scores);
    Tensor chosen = GateKernels.best().balanced(matrix, group);
    assertThat(chosen.equal(GateKernels.torch().balanced(matrix, group))).isTrue();
    int[][] rows = Rows.ints(chosen);
    return Arrays.stream(rows).mapToInt(row -> row[0]).toArray();
  }

  private static int[] counts(int[] chosen, int experts) {
    int[] counts = new int[experts];
    for (int expert : chosen) {
      counts[expert]++;
    }
    return counts;
  }

  private static double sum(double[][] scores, int[] chosen) {
    double sum = 0;
    for (int s = 0; s < chosen.length; s++) {
      sum += scores[s][chosen[s]];
    }
    return sum;
  }

  /** Tries all assignments of the tokens from {@code token} on. */
  private static double best(double[][] scores, int token, int[] used, int places) {
    if (token == scores.length) {
      return 0;
    }
    double best = Double.NEGATIVE_INFINITY;
    for (int e = 0; e < used.length; e++) {
      if (used[e] < places) {
        used[e]++;
        best = Math.max(best, scores[token][e] + best(scores, token + 1, used, places));
        used[e]--;
      }
    }
    return best;
  }

  private static double range(double[][] scores) {
    double[] all = Rows.flat(scores);
    double largest = Math.max(0, Arrays.stream(all).max().orElseThrow());
    return largest - Math.min(0, Arrays.stream(all).min().orElseThrow());
  }
}
