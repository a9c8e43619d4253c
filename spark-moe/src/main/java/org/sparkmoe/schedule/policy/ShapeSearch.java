package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * Hill climbing over shapes: from each start, moves to the best neighbour while there is a better
 * one. No shape is evaluated twice. Deterministic.
 *
 * @param <S> what is searched
 */
final class ShapeSearch<S> {
  private final Function<S, List<S>> neighbours;
  private final ToDoubleFunction<S> objective;
  private final Map<S, Double> known = new HashMap<>();

  ShapeSearch(Function<S, List<S>> neighbours, ToDoubleFunction<S> objective) {
    this.neighbours = neighbours;
    this.objective = objective;
  }

  /** The {@code count} best shapes met on the way from {@code starts} to their local optima. */
  List<S> best(List<S> starts, int count) {
    for (S start : starts) {
      climb(start);
    }
    List<S> shapes = new ArrayList<>(known.keySet());
    shapes.sort(Comparator.<S>comparingDouble(known::get).thenComparing(Object::toString));
    return List.copyOf(shapes.subList(0, Math.min(count, shapes.size())));
  }

  private void climb(S start) {
    S current = start;
    boolean improved = true;
    while (improved) {
      improved = false;
      S here = current;
      for (S neighbour : neighbours.apply(here)) {
        if (value(neighbour) < value(current)) {
          current = neighbour;
          improved = true;
        }
      }
    }
  }

  private double value(S shape) {
    Double value = known.get(shape);
    if (value == null) {
      value = objective.applyAsDouble(shape);
      known.put(shape, value);
    }
    return value;
  }
}
