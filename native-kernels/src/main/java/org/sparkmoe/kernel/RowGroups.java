package org.sparkmoe.kernel;

import java.util.Arrays;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.StringViewOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;

/**
 * Groups of consecutive rows. Their sizes are known to the host, or only to the device: then the
 * host knows a number of rows that is enough for them, and the rows after the last group are in
 * none.
 */
public final class RowGroups {
  private final Tensor endsG;
  private final long rows;
  private final boolean filled;

  /** Null until the host has read it. */
  private long @Nullable [] sizes;

  private RowGroups(Tensor endsG, long rows, long @Nullable [] sizes) {
    this.endsG = endsG;
    this.rows = rows;
    this.filled = sizes != null;
    this.sizes = sizes;
  }

  /** Copies the ends to the device, without waiting for it. */
  public static RowGroups of(long[] sizes, Device device) {
    int[] ends = new int[sizes.length];
    long end = 0;
    for (int g = 0; g < ends.length; g++) {
      end += sizes[g];
      ends[g] = Math.toIntExact(end);
    }
    Tensor endsG = DeviceMemory.copied(Tensor.create(ends), device, ScalarType.Int);
    return new RowGroups(endsG, end, sizes);
  }

  /**
   * Of sizes on the device, which the host does not read.
   *
   * @param sizesG {@code [G]} i64
   * @param rows R, at least their sum
   */
  public static RowGroups within(Tensor sizesG, long rows) {
    Tensor endsG = sizesG.cumsum(0, new ScalarTypeOptional(ScalarType.Int));
    return new RowGroups(endsG, Math.toIntExact(rows), null);
  }

  /** {@code [G]} i32 on the device of the rows: where each group ends. */
  public Tensor endsG() {
    return endsG;
  }

  /** G. */
  public int count() {
    return Math.toIntExact(endsG.size(0));
  }

  /** R, with those that are in no group. */
  public long rows() {
    return rows;
  }

  /** Rows of each group. The first call waits for the device where only that knows them. */
  public long[] sizes() {
    if (sizes == null) {
      long[] read = HostReads.longs(endsG);
      for (int g = read.length - 1; g > 0; g--) {
        read[g] -= read[g - 1];
      }
      sizes = read;
    }
    return sizes;
  }

  /** {@code [R]} i64 on {@code device}: the group of each row, the last for rows in none. */
  public Tensor groupOfRow(Device device) {
    if (!filled) {
      return TensorScope.compute(
          () -> {
            Tensor row = torch.arange(new Scalar(rows), endsG.options());
            Tensor ended =
                torch.searchsorted(
                    endsG, row, false, true, new StringViewOptional(), new TensorOptional());
            return ended.clamp_max(new Scalar(count() - 1L));
          });
    }
    long[] group = new long[Math.toIntExact(rows)];
    int first = 0;
    for (int g = 0; g < count(); g++) {
      int end = first + (int) sizes()[g];
      Arrays.fill(group, first, end, g);
      first = end;
    }
    return DeviceMemory.copied(Tensor.create(group), device, ScalarType.Long);
  }

  /**
   * Makes rows that are in no group zero, in which products leave what was in memory.
   *
   * @param rowsRN {@code [R, N]} contiguous
   */
  public void clearRest(Tensor rowsRN) {
    if (!filled) {
      LayerKernels.best().clearAfter(endsG, rowsRN);
    }
  }
}
