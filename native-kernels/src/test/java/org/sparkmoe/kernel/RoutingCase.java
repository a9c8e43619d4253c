package org.sparkmoe.kernel;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Random tokens, buffer, gradient, weights and slots; a few assignments are dropped and a few slots
 * not used.
 *
 * @param slots {@code [tokens][choices]}, each slot used at most once
 */
record RoutingCase(
    int choices,
    int width,
    int nSlots,
    long[][] slots,
    double[][] tokens,
    double[][] buffer,
    double[][] weights) {

  static RoutingCase random(int tokens, int choices, int width, int dropPercent, long seed) {
    Random random = new Random(seed);
    int nSlots = tokens * choices + random.nextInt(4);
    List<Long> free = new ArrayList<>();
    for (long slot = 0; slot < nSlots; slot++) {
      free.add(slot);
    }
    Collections.shuffle(free, random);
    long[][] slots = new long[tokens][choices];
    for (int s = 0; s < tokens; s++) {
      for (int k = 0; k < choices; k++) {
        slots[s][k] = random.nextInt(100) < dropPercent ? -1 : free.remove(free.size() - 1);
      }
    }
    return new RoutingCase(
        choices,
        width,
        nSlots,
        slots,
        eighths(random, tokens, width),
        eighths(random, nSlots, width),
        eighths(random, tokens, choices));
  }

  /** Multiples of 1/8 below 2, whose products and short sums are exact in every dtype but bf16. */
  private static double[][] eighths(Random random, int rows, int columns) {
    double[][] values = new double[rows][columns];
    for (double[] row : values) {
      for (int i = 0; i < columns; i++) {
        row[i] = (random.nextInt(31) - 15) / 8.0;
      }
    }
    return values;
  }
}
