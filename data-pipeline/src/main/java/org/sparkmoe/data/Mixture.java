package org.sparkmoe.data;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * The global order in which the sequences of several sources are trained on, each source as often
 * as its weight says.
 *
 * <p>Draw k of a source of weight w is due at time (k + ½) / w, and draws are put in order of time,
 * equal ones in order of sources (Webster's method of apportionment). So the first n places hold w
 * · n sequences of each source, give or take a constant, whatever n is; no place depends on how
 * long training runs; and the place of a draw has a closed form, so that no order is stored. A
 * source is drawn from whole epochs, each in a seeded order of its own.
 */
final class Mixture implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Weights are whole multiples of this part of their sum. */
  private static final double WEIGHT_UNITS = 1L << 30;

  private final long[] sequences;
  private final long[] starts;
  private final long[] weights;
  private final long seed;

  /**
   * What is drawn from one source.
   *
   * @param sequences number of its sequences
   * @param weight its weight, in any unit
   */
  record Share(long sequences, double weight) {}

  /**
   * @param shares sources in the order in which their sequences are numbered through
   * @throws IllegalArgumentException if there is none, or one without sequences or weight
   */
  Mixture(List<Share> shares, long seed) {
    double sum = shares.stream().mapToDouble(Share::weight).sum();
    this.sequences = shares.stream().mapToLong(Share::sequences).toArray();
    this.weights =
        shares.stream()
            .mapToLong(share -> Math.max(1, Math.round(share.weight() / sum * WEIGHT_UNITS)))
            .toArray();
    this.starts = new long[sequences.length];
    for (int source = 1; source < starts.length; source++) {
      starts[source] = starts[source - 1] + sequences[source - 1];
    }
    this.seed = seed;
    if (shares.isEmpty() || shares.stream().anyMatch(s -> s.sequences() < 1 || !(s.weight() > 0))) {
      throw new IllegalArgumentException(
          "sources are %s: there must be some, each with sequences and a weight above 0"
              .formatted(shares));
    }
  }

  /** One source alone: each sequence once in an epoch. */
  static Mixture of(long sequences, long seed) {
    return new Mixture(List.of(new Share(sequences, 1)), seed);
  }

  /** Number of sequences of all sources. */
  long sequences() {
    return Arrays.stream(sequences).sum();
  }

  /** Places until every sequence of every source has been drawn. */
  long cycle() {
    long last = 0;
    for (int source = 0; source < sequences.length; source++) {
      last = Math.max(last, place(source, sequences[source] - 1));
    }
    return last + 1;
  }

  /** Place, from 0, of draw {@code draw}, from 0, of {@code source}. */
  long place(int source, long draw) {
    long place = draw;
    for (int other = 0; other < weights.length; other++) {
      if (other != source) {
        long due = Math.multiplyExact(2 * draw + 1, weights[other]);
        // Draw j of the other source is earlier if (2j + 1) · w < due: count odd numbers.
        long odd = (other < source ? due : due - 1) / weights[source];
        place += (odd + 1) / 2;
      }
    }
    return place;
  }

  /** Gives the places below {@code end} at which {@code sequence} stands. */
  void places(long sequence, long end, LongConsumer consumer) {
    int source = sourceOf(sequence);
    long size = sequences[source];
    for (long epoch = 0; place(source, epoch * size) < end; epoch++) {
      long shuffled = order(source, epoch).apply(sequence - starts[source]);
      long place = place(source, epoch * size + shuffled);
      if (place < end) {
        consumer.accept(place);
      }
    }
  }

  /** How many of the first {@code places} are of each source. */
  long[] drawn(long places) {
    long[] drawn = new long[weights.length];
    for (int source = 0; source < drawn.length; source++) {
      long low = 0;
      long high = places;
      while (low < high) {
        long middle = (low + high) >>> 1;
        if (place(source, middle) < places) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      drawn[source] = low;
    }
    return drawn;
  }

  private int sourceOf(long sequence) {
    int source = starts.length - 1;
    while (starts[source] > sequence) {
      source--;
    }
    return source;
  }

  private Permutation order(int source, long epoch) {
    boolean first = source == 0 && epoch == 0;
    return new Permutation(
        sequences[source], first ? seed : Permutation.mix(Permutation.mix(seed + source) + epoch));
  }
}
