package org.sparkmoe.schedule.reproduce;

import java.util.Arrays;
import java.util.stream.DoubleStream;

/** Mean and quantiles of a sample. */
final class Distribution {
  private final double[] sorted;

  private Distribution(double[] sorted) {
    this.sorted = sorted;
  }

  static Distribution of(DoubleStream sample) {
    return new Distribution(sample.sorted().toArray());
  }

  double mean() {
    return Arrays.stream(sorted).average().orElseThrow();
  }

  /** The value below which {@code share} of the sample lies; 0 is the smallest, 1 the largest. */
  double quantile(double share) {
    return sorted[(int) Math.round(share * (sorted.length - 1))];
  }

  /** Share of the sample that is at most {@code limit}. */
  double atMost(double limit) {
    return (double) Arrays.stream(sorted).filter(value -> value <= limit).count() / sorted.length;
  }

  /** Cells of a table row: mean, least, 10 %, median, 90 %, largest. */
  Object[] row(String name) {
    return new Object[] {
      name, mean(), quantile(0), quantile(0.1), quantile(0.5), quantile(0.9), quantile(1)
    };
  }

  static MarkdownTable table(String what) {
    return new MarkdownTable(what, "mean", "least", "10 %", "median", "90 %", "most");
  }
}
