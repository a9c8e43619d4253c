package org.sparkmoe.moe;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.DeviceMemory;

/** Row numbers, block by block. */
final class RowIndex {
  private final long[] rows;
  private int filled;

  /**
   * @param size of the index
   */
  RowIndex(long size) {
    rows = new long[Math.toIntExact(size)];
  }

  /** Appends {@code count} consecutive rows. */
  void add(long first, long count) {
    for (long row = first; row < first + count; row++) {
      rows[filled++] = row;
    }
  }

  /**
   * {@code [size]} i64.
   *
   * @throws IllegalStateException if blocks do not add up to the size
   */
  Tensor on(Device device) {
    if (filled != rows.length) {
      throw new IllegalStateException(
          "%d rows were added to an index of %d, must be all".formatted(filled, rows.length));
    }
    return rows.length == 0
        ? DeviceMemory.empty(device, ScalarType.Long, 0)
        : DeviceMemory.copied(Tensor.create(rows, rows.length), device, ScalarType.Long);
  }
}
