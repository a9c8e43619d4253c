package org.sparkmoe.data;

/**
 * The baseline a language model has to beat: a byte trigram that backs off to bigram, unigram and
 * the uniform distribution by absolute discounting (Ney, Essen and Kneser 1994).
 *
 * <p>At order n, with counts c of the symbols after a context and D = n1 / (n1 + 2·n2) estimated
 * from the number of n-grams seen once and twice, {@code p(s) = (max(c(s) − D, 0) + D · kinds ·
 * lower(s)) / Σc}: what is taken from seen symbols goes to the lower order, so that each order sums
 * to one.
 */
public final class TrigramModel {
  private static final int SYMBOLS = TrigramCounts.SYMBOLS;

  private final TrigramCounts trigrams;
  private final double trigramDiscount;
  private final double[][] bigrams = new double[SYMBOLS][];

  /** Fits the model. */
  public TrigramModel(TrigramCounts counts) {
    trigrams = counts;
    long[][] pairs = new long[SYMBOLS][SYMBOLS];
    long[] singles = new long[SYMBOLS];
    long[][] seen = new long[SYMBOLS * SYMBOLS][];
    for (int context = 0; context < SYMBOLS * SYMBOLS; context++) {
      long[] row = counts.after(context);
      seen[context] = row == null ? new long[0] : row;
      for (int symbol = 0; row != null && symbol < SYMBOLS; symbol++) {
        pairs[context % SYMBOLS][symbol] += row[symbol];
        singles[symbol] += row[symbol];
      }
    }
    trigramDiscount = discount(seen);
    double pairDiscount = discount(pairs);
    double[] unigram = new double[SYMBOLS];
    double singleDiscount = discount(new long[][] {singles});
    for (int symbol = 0; symbol < SYMBOLS; symbol++) {
      unigram[symbol] = interpolate(singles, symbol, singleDiscount, 1.0 / SYMBOLS);
    }
    for (int context = 0; context < SYMBOLS; context++) {
      bigrams[context] = new double[SYMBOLS];
      for (int symbol = 0; symbol < SYMBOLS; symbol++) {
        bigrams[context][symbol] =
            interpolate(pairs[context], symbol, pairDiscount, unigram[symbol]);
      }
    }
  }

  /**
   * Bits to code the held-out documents and their ends, divided by their bytes.
   *
   * @throws IllegalArgumentException if there are no bytes
   */
  public double bitsPerByte(TrigramCounts heldOut) {
    long bytes = heldOut.bytes();
    if (bytes == 0) {
      throw new IllegalArgumentException("held-out text has 0 bytes, must have at least 1");
    }
    double bits = 0;
    for (int context = 0; context < SYMBOLS * SYMBOLS; context++) {
      long[] row = heldOut.after(context);
      for (int symbol = 0; row != null && symbol < SYMBOLS; symbol++) {
        if (row[symbol] > 0) {
          bits -= row[symbol] * Math.log(probability(context, symbol));
        }
      }
    }
    return bits / Math.log(2) / bytes;
  }

  /** p(symbol | context), context = a·257 + b. */
  double probability(int context, int symbol) {
    double lower = bigrams[context % SYMBOLS][symbol];
    long[] row = trigrams.after(context);
    return row == null ? lower : interpolate(row, symbol, trigramDiscount, lower);
  }

  private static double interpolate(long[] counts, int symbol, double discount, double lower) {
    long total = 0;
    long kinds = 0;
    for (long n : counts) {
      total += n;
      kinds += n > 0 ? 1 : 0;
    }
    return total == 0
        ? lower
        : (Math.max(counts[symbol] - discount, 0) + discount * kinds * lower) / total;
  }

  private static double discount(long[][] rows) {
    long once = 0;
    long twice = 0;
    for (long[] row : rows) {
      for (long n : row) {
        once += n == 1 ? 1 : 0;
        twice += n == 2 ? 1 : 0;
      }
    }
    // Without n-grams seen once the estimate would be 0 and unseen symbols impossible.
    return (once + 0.5) / (once + 2.0 * twice + 1);
  }
}
