package org.sparkmoe.schedule.policy;

import java.util.List;
import java.util.stream.Stream;

/**
 * Gradient-AllReduce slices that one generalised layer carries in backward.
 *
 * @param moe elements of each slice between dispatches and combines
 * @param dense elements of each slice beside the dense part
 */
public record LayerSlices(List<Double> moe, List<Double> dense) {
  static final LayerSlices NONE = new LayerSlices(List.of(), List.of());

  public LayerSlices {
    moe = List.copyOf(moe);
    dense = List.copyOf(dense);
  }

  static LayerSlices of(double moe, double dense) {
    return new LayerSlices(slice(moe), slice(dense));
  }

  private static List<Double> slice(double elements) {
    return elements > 0 ? List.of(elements) : List.of();
  }

  double elements() {
    return Stream.concat(moe.stream(), dense.stream()).mapToDouble(Double::doubleValue).sum();
  }
}
