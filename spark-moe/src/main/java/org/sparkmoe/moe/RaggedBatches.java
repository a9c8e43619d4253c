package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.List;

/** How experts with unequal numbers of rows compute. */
final class RaggedBatches {
  private RaggedBatches() {}

  /**
   * One expert after the other.
   *
   * @param sizes {@code [El][L]} rows of each expert and part
   */
  static List<ExpertBatch> each(long[][] sizes) {
    List<ExpertBatch> batches = new ArrayList<>();
    long offset = 0;
    for (long[] ofExpert : sizes) {
      ExpertBatch batch = new ExpertBatch(1, offset, bounds(ofExpert));
      batches.add(batch);
      offset += batch.rows();
    }
    return List.copyOf(batches);
  }

  /**
   * All at once, with rows that fill up to the largest of each part.
   *
   * @param sizes {@code [El][L]} rows of each expert and part
   */
  static List<ExpertBatch> together(long[][] sizes) {
    long[] most = sizes[0].clone();
    for (long[] ofExpert : sizes) {
      for (int t = 0; t < most.length; t++) {
        most[t] = Math.max(most[t], ofExpert[t]);
      }
    }
    return List.of(new ExpertBatch(sizes.length, 0, bounds(most)));
  }

  private static long[] bounds(long[] sizes) {
    long[] bounds = new long[sizes.length + 1];
    for (int t = 0; t < sizes.length; t++) {
      bounds[t + 1] = bounds[t] + sizes[t];
    }
    return bounds;
  }
}
