package org.sparkmoe.kernel;

import java.util.Arrays;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.tensor.DeviceMemory;

/**
 * Groups of consecutive rows.
 *
 * @param sizes rows of each group
 * @param endsG {@code [G]} i32 on the device of the rows: where each group ends
 */
public record RowGroups(long[] sizes, Tensor endsG) {

  /** Copies the ends to the device, without waiting for it. */
  public static RowGroups of(long[] sizes, Device device) {
    int[] ends = new int[sizes.length];
    long end = 0;
    for (int g = 0; g < ends.length; g++) {
      end += sizes[g];
      ends[g] = Math.toIntExact(end);
    }
    return new RowGroups(sizes, DeviceMemory.copied(Tensor.create(ends), device, ScalarType.Int));
  }

  /** {@code [R]} i64 on {@code device}: the group of each row. */
  public Tensor groupOfRow(Device device) {
    long[] group = new long[Math.toIntExact(rows())];
    int first = 0;
    for (int g = 0; g < sizes.length; g++) {
      int end = first + (int) sizes[g];
      Arrays.fill(group, first, end, g);
      first = end;
    }
    return DeviceMemory.copied(Tensor.create(group), device, ScalarType.Long);
  }

  /** R. */
  public long rows() {
    return Arrays.stream(sizes).sum();
  }
}
