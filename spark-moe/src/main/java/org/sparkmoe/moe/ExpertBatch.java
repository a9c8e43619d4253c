package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;

/**
 * Experts that compute in one call, each on R rows: {@code [experts, R, M]} from row {@code offset}
 * of all experts' rows on.
 *
 * @param bounds where each part of the R rows begins, and R
 */
record ExpertBatch(int experts, long offset, long[] bounds) {

  /** R. */
  long rows() {
    return bounds[bounds.length - 1];
  }

  long first(Chunk chunk) {
    return bounds[chunk.first(bounds.length - 1)];
  }

  /** Rows of the chunk for each expert. */
  long rows(Chunk chunk) {
    return bounds[chunk.end(bounds.length - 1)] - first(chunk);
  }

  /**
   * @param allRows {@code [n, M]}, the rows of all experts
   * @return {@code [experts, R, M]}
   */
  Tensor of(Tensor allRows) {
    return allRows.narrow(0, offset, experts * rows()).view(experts, rows(), allRows.size(1));
  }
}
