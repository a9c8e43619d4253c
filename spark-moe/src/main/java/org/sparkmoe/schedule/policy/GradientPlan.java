package org.sparkmoe.schedule.policy;

import java.util.List;

/**
 * Where the dense gradients of a stack of layers are summed during backward.
 *
 * @param degrees backward degree of each layer, by layer
 * @param slices what each layer carries, by layer; it can only be gradients of layers above it
 * @param tail elements that are left when backward has ended
 */
record GradientPlan(List<Integer> degrees, List<LayerSlices> slices, double tail) {

  GradientPlan {
    degrees = List.copyOf(degrees);
    slices = List.copyOf(slices);
  }
}
