package org.sparkmoe.kernel;

import java.util.Arrays;

/** Routing in plain loops over {@code double[rows][M]}: what the kernels are held against. */
final class PlainRouting {
  private PlainRouting() {}

  static long[][] capacityPositions(long[][] experts, int nExperts, boolean choiceMajor) {
    int tokens = experts.length;
    int choices = tokens == 0 ? 0 : experts[0].length;
    long[][] positions = new long[tokens][choices];
    long[] next = new long[nExperts];
    for (int i = 0; i < tokens * choices; i++) {
      int s = choiceMajor ? i % tokens : i / choices;
      int k = choiceMajor ? i / tokens : i % choices;
      int expert = (int) experts[s][k];
      positions[s][k] = expert < 0 ? -1 : next[expert]++;
    }
    return positions;
  }

  /** Experts one after another, each with the rows of its positions. */
  static long[][] packedRows(long[][] experts, int nExperts, boolean choiceMajor) {
    long[][] rows = capacityPositions(experts, nExperts, choiceMajor);
    long[] counts = counts(experts, nExperts, 1);
    for (int s = 0; s < rows.length; s++) {
      for (int k = 0; k < rows[s].length; k++) {
        for (int e = 0; e < experts[s][k]; e++) {
          rows[s][k] += counts[e];
        }
      }
    }
    return rows;
  }

  /** Groups one after another, each with its own queues; those of T and above are dropped. */
  static long[][] capacitySlots(
      long[][] experts, RoutingKernels.Places places, boolean choiceMajor) {
    int n = (int) places.groupTokens();
    long[][] slots = new long[experts.length][];
    for (int first = 0; first < experts.length; first += n) {
      long[][] group = Arrays.copyOfRange(experts, first, first + n);
      long[][] positions = capacityPositions(group, places.experts(), choiceMajor);
      for (int s = 0; s < n; s++) {
        slots[first + s] = new long[group[s].length];
        for (int k = 0; k < group[s].length; k++) {
          long position = positions[s][k];
          boolean kept = group[s][k] >= 0 && position < places.limit();
          long firstOfGroup = group[s][k] * places.capacity() + first / n * places.limit();
          slots[first + s][k] = kept ? firstOfGroup + position : -1;
        }
      }
    }
    return slots;
  }

  static long[] counts(long[][] slots, int nExperts, long capacity) {
    long[] counts = new long[nExperts];
    for (long[] row : slots) {
      for (long slot : row) {
        for (int e = 0; e < nExperts; e++) {
          counts[e] += slot >= e * capacity && slot < (e + 1) * capacity ? 1 : 0;
        }
      }
    }
    return counts;
  }

  static double[][] order(
      double[][] tokens, long[][] slots, double[][] weights, int nSlots, int m) {
    double[][] buffer = new double[nSlots][m];
    for (int s = 0; s < slots.length; s++) {
      for (int k = 0; k < slots[s].length; k++) {
        for (int i = 0; i < m && slots[s][k] >= 0; i++) {
          buffer[(int) slots[s][k]][i] = tokens[s][i] * weights[s][k];
        }
      }
    }
    return buffer;
  }

  static double[][] inverseOrder(double[][] buffer, long[][] slots, double[][] weights, int m) {
    double[][] tokens = new double[slots.length][m];
    for (int s = 0; s < slots.length; s++) {
      for (int k = 0; k < slots[s].length; k++) {
        for (int i = 0; i < m && slots[s][k] >= 0; i++) {
          tokens[s][i] += buffer[(int) slots[s][k]][i] * weights[s][k];
        }
      }
    }
    return tokens;
  }

  static double[][] weightGradient(double[][] gradient, double[][] buffer, long[][] slots) {
    double[][] dots = new double[slots.length][slots.length == 0 ? 0 : slots[0].length];
    for (int s = 0; s < slots.length; s++) {
      for (int k = 0; k < slots[s].length; k++) {
        for (int i = 0; i < gradient[s].length && slots[s][k] >= 0; i++) {
          dots[s][k] += gradient[s][i] * buffer[(int) slots[s][k]][i];
        }
      }
    }
    return dots;
  }
}
