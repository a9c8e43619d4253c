package org.sparkmoe.runtime.report;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/**
 * A quantity over the steps.
 *
 * @param steps rising
 * @param values one for each, finite
 */
record Curve(double[] steps, double[] values) {
  /** More would only make the picture's file large. */
  private static final int MOST_POINTS = 1000;

  /** Of rows of a log; each point is the mean of as many rows as it takes to have few points. */
  static <T> Curve of(List<T> rows, ToLongFunction<T> step, ToDoubleFunction<T> value) {
    List<T> finite =
        rows.stream().filter(row -> Double.isFinite(value.applyAsDouble(row))).toList();
    int width = Math.max(1, (finite.size() + MOST_POINTS - 1) / MOST_POINTS);
    List<double[]> points = new ArrayList<>();
    for (int from = 0; from < finite.size(); from += width) {
      List<T> bin = finite.subList(from, Math.min(from + width, finite.size()));
      points.add(
          new double[] {
            step.applyAsLong(bin.get(bin.size() - 1)),
            bin.stream().mapToDouble(value).average().orElseThrow()
          });
    }
    return new Curve(
        points.stream().mapToDouble(point -> point[0]).toArray(),
        points.stream().mapToDouble(point -> point[1]).toArray());
  }

  boolean isEmpty() {
    return steps.length == 0;
  }
}
