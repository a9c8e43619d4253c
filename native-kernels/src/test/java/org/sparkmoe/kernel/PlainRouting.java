package org.sparkmoe.kernel;

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
