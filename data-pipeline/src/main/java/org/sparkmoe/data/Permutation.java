package org.sparkmoe.data;

import java.io.Serializable;

/**
 * A seeded bijection of {@code [0, size)} that needs no memory: a Feistel network over the next
 * power of four, walked until it lands inside.
 *
 * <p>Each round maps (left, right) to (right, left ⊕ f(right)), which can be undone whatever f is,
 * so the network permutes all pairs of {@code halfBits}-bit numbers. A value outside the range is
 * sent through again; as the walk follows one cycle of a permutation, it comes back inside, and two
 * starts never meet. Less than four steps are expected.
 */
record Permutation(long size, long seed) implements Serializable {
  private static final int ROUNDS = 6;

  /**
   * @throws IllegalArgumentException if {@code size} is below 1
   */
  Permutation {
    if (size < 1) {
      throw new IllegalArgumentException("size is %d, must be at least 1".formatted(size));
    }
  }

  /** The place of {@code index}, both in {@code [0, size)}. */
  long apply(long index) {
    int halfBits = (Long.SIZE - Long.numberOfLeadingZeros(size - 1) + 1) / 2;
    long mask = (1L << halfBits) - 1;
    long value = index;
    do {
      long left = value >>> halfBits;
      long right = value & mask;
      for (int round = 0; round < ROUNDS; round++) {
        long mixed = left ^ (mix(right + mix(seed + round)) & mask);
        left = right;
        right = mixed;
      }
      value = left << halfBits | right;
    } while (value >= size);
    return value;
  }

  /** The finalizer of SplitMix64: every bit of the result depends on every bit of {@code value}. */
  static long mix(long value) {
    long z = value + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
