package org.sparkmoe.moe.dispatch;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.kernel.LayerKernels;

/**
 * Rows in consecutive blocks.
 *
 * @param rows {@code [sum(counts), ...]} contiguous
 * @param counts rows of each block, zero allowed
 */
record RowBlocks(Tensor rows, long[] counts) {

  /**
   * Blocks, or runs of equally many of them, in the order {@code [outer, inner]} by inner first.
   */
  RowBlocks transposed(int outer, int inner) {
    return new RowBlocks(transposedRows(outer, inner), transposed(counts, outer, inner));
  }

  private Tensor transposedRows(int outer, int inner) {
    if (rows.size(0) == 0) {
      return rows;
    }
    if (Arrays.stream(counts).distinct().count() == 1) {
      return LayerKernels.best().transposeBlocks(rows, outer, inner);
    }
    long[] runs = sums(outer * inner);
    long[] starts = runs.clone();
    Arrays.parallelPrefix(starts, Long::sum);
    TensorVector parts = new TensorVector();
    for (int i = 0; i < inner; i++) {
      for (int o = 0; o < outer; o++) {
        int run = o * inner + i;
        parts.push_back(rows.narrow(0, starts[run] - runs[run], runs[run]));
      }
    }
    return torch.cat(parts);
  }

  /** Rows of each of {@code runs} runs of equally many blocks. */
  long[] sums(int runs) {
    return sums(counts, runs);
  }

  static long[] sums(long[] counts, int runs) {
    int blocks = counts.length / runs;
    long[] sums = new long[runs];
    for (int b = 0; b < counts.length; b++) {
      sums[b / blocks] += counts[b];
    }
    return sums;
  }

  static long[] transposed(long[] counts, int outer, int inner) {
    int blocks = counts.length / (outer * inner);
    long[] transposed = new long[counts.length];
    for (int o = 0; o < outer; o++) {
      for (int i = 0; i < inner; i++) {
        System.arraycopy(
            counts, (o * inner + i) * blocks, transposed, (i * outer + o) * blocks, blocks);
      }
    }
    return transposed;
  }
}
