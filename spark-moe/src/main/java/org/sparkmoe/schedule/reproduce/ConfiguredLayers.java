package org.sparkmoe.schedule.reproduce;

import java.util.ArrayList;
import java.util.List;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;

/** The 1458 layers of the paper's Table 4. */
final class ConfiguredLayers {
  private static final List<Integer> BATCHES = List.of(1, 2, 4);
  private static final int HEADS = 8;

  /** The paper has 8, 16 and 32 heads, which its cost models do not tell apart. */
  static final int HEAD_COUNTS = 3;

  private static final List<Integer> WIDTHS = List.of(1024, 2048, 4096);
  private static final List<Integer> HIDDEN_FACTORS = List.of(2, 3, 4);

  /** The paper's {@code *}, dropless, counts as 1. */
  private static final List<Double> CAPACITY_FACTORS = List.of(1.2, 2.4, 1.0);

  private ConfiguredLayers() {}

  /**
   * One layer for each three that differ in their heads alone.
   *
   * @param longest longest sequence; the other two are its half and its quarter
   */
  static List<LayerShape> withSequencesUpTo(int longest) {
    List<LayerShape> shapes = new ArrayList<>();
    for (int sequence : List.of(longest / 4, longest / 2, longest)) {
      for (int width : WIDTHS) {
        for (int factor : HIDDEN_FACTORS) {
          for (double capacity : CAPACITY_FACTORS) {
            for (ExpertType expert : ExpertType.values()) {
              for (int batch : BATCHES) {
                shapes.add(
                    new LayerShape(
                        batch, HEADS, sequence, width, factor * width, capacity, expert));
              }
            }
          }
        }
      }
    }
    return List.copyOf(shapes);
  }
}
