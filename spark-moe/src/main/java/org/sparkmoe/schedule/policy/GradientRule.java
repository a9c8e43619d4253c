package org.sparkmoe.schedule.policy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.sparkmoe.schedule.cost.CostModel;

/** When a policy sums dense gradients (FSMOE.md §7). */
enum GradientRule {
  /** All at once when backward has ended. */
  AFTER_BACKWARD,
  /** Each layer's whole gradient beside the dense part of the next layer. */
  BESIDE_DENSE_PARTS,
  /**
   * Chunks of 30 MB beside experts and dense parts. A chunk starts while the communication lane is
   * idle and then runs to its end, as Lina's priorities have it.
   */
  FIXED_CHUNKS,
  /** Slices that fit their windows (paper §5); chooses the degrees as well. */
  ADAPTIVE;

  private static final double CHUNK_ELEMENTS = 30e6 / Float.BYTES;

  /** True if forward and backward have a degree each, false if they share one. */
  boolean separateDegrees() {
    return this == ADAPTIVE;
  }

  /**
   * @param layers in the order of backward, the last layer first
   */
  GradientPlan plan(List<BackwardLayer> layers, CostModel allReduce) {
    if (this == ADAPTIVE) {
      return new GradientPartitioner(allReduce).partition(layers);
    }
    List<Integer> degrees = new ArrayList<>();
    List<LayerSlices> slices = new ArrayList<>();
    double pending = 0;
    for (BackwardLayer layer : layers) {
      DegreeOption option = DegreeOption.fastest(layer.options());
      LayerSlices carried = slices(option.window(), layer.denseWindow(), pending, allReduce);
      degrees.add(option.degree());
      slices.add(carried);
      pending += layer.gradient() - carried.elements();
    }
    Collections.reverse(degrees);
    Collections.reverse(slices);
    return new GradientPlan(degrees, slices, pending);
  }

  private LayerSlices slices(
      double moeWindow, double denseWindow, double pending, CostModel allReduce) {
    return switch (this) {
      case BESIDE_DENSE_PARTS -> LayerSlices.of(0, pending);
      case FIXED_CHUNKS -> {
        List<Double> moe = chunks(moeWindow, pending, allReduce);
        double rest = pending - moe.stream().mapToDouble(Double::doubleValue).sum();
        yield new LayerSlices(moe, chunks(denseWindow, rest, allReduce));
      }
      case AFTER_BACKWARD, ADAPTIVE -> LayerSlices.NONE;
    };
  }

  private static List<Double> chunks(double window, double pending, CostModel allReduce) {
    List<Double> chunks = new ArrayList<>();
    double rest = pending;
    for (double used = 0; used < window && rest > 0; ) {
      double chunk = Math.min(rest, CHUNK_ELEMENTS);
      chunks.add(chunk);
      rest -= chunk;
      used += allReduce.time(chunk);
    }
    return chunks;
  }
}
