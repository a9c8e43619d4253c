package org.sparkmoe.kernel;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.sparkmoe.kernel.GateKernels.Score;

/** The gate in plain loops over {@code double[S][E]}. */
final class PlainGate {
  private PlainGate() {}

  static double[][] scores(double[][] logits, Score score) {
    double[][] scores = new double[logits.length][];
    for (int s = 0; s < logits.length; s++) {
      double[] row = Arrays.stream(logits[s]).map(Math::exp).toArray();
      double sum = Arrays.stream(row).sum();
      scores[s] =
          Arrays.stream(row).map(x -> score == Score.SOFTMAX ? x / sum : x / (1 + x)).toArray();
    }
    return scores;
  }

  /** The k largest of each row by value plus bias, ties to the lower index. */
  static long[][] largest(double[][] values, double[] bias, int k) {
    return Arrays.stream(values)
        .map(
            row ->
                IntStream.range(0, row.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(e -> -(row[e] + bias[e])))
                    .limit(k)
                    .mapToLong(e -> e)
                    .toArray())
        .toArray(long[][]::new);
  }

  /** The place of each token among those that the expert took of its group, -1 if not taken. */
  static long[][] placesOfTaken(double[][] scores, int groupTokens, long limit) {
    int experts = scores[0].length;
    long[][] places = new long[scores.length][experts];
    for (int start = 0; start < scores.length; start += groupTokens) {
      for (int e = 0; e < experts; e++) {
        int expert = e;
        // Double.compare puts NaN above all numbers; the sort is stable.
        int[] taken =
            IntStream.range(start, start + groupTokens)
                .boxed()
                .sorted((a, b) -> Double.compare(scores[b][expert], scores[a][expert]))
                .limit(limit)
                .mapToInt(s -> s)
                .sorted()
                .toArray();
        for (int s = start; s < start + groupTokens; s++) {
          places[s][e] = Math.max(-1, Arrays.binarySearch(taken, s));
        }
      }
    }
    return places;
  }

  static double[][] logitsGradient(double[][] scores, double[][] gradient, Score score) {
    double[][] result = new double[scores.length][scores.length == 0 ? 0 : scores[0].length];
    for (int s = 0; s < scores.length; s++) {
      for (int i = 0; i < result[s].length; i++) {
        for (int j = 0; j < result[s].length; j++) {
          double same = i == j ? 1 : 0;
          double slope =
              score == Score.SOFTMAX
                  ? scores[s][j] * (same - scores[s][i])
                  : same * scores[s][j] * (1 - scores[s][j]);
          result[s][i] += slope * gradient[s][j];
        }
      }
    }
    return result;
  }
}
