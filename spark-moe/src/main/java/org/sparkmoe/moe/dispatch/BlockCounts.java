package org.sparkmoe.moe.dispatch;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;

/** Numbers of rows that ranks of one node tell each other before rows travel. */
final class BlockCounts {
  private BlockCounts() {}

  /**
   * @param counts as many for each rank
   * @param like on whose device they travel
   * @return what each rank has for this one
   */
  static long[] exchanged(Communicator group, long[] counts, Tensor like) {
    Tensor input = onDevice(counts, like);
    Tensor output = torch.empty_like(input);
    group.allToAll(output, input).await();
    return HostReads.longs(output);
  }

  /**
   * @return the counts of every rank, in their order
   */
  static long[] gathered(Communicator group, long[] counts, Tensor like) {
    Tensor input = onDevice(counts, like);
    long[] size = {(long) group.size() * counts.length};
    Tensor output = torch.empty(size, input.options(), null);
    group.allGather(output, input).await();
    return HostReads.longs(output);
  }

  private static Tensor onDevice(long[] counts, Tensor like) {
    return DeviceMemory.copied(
        Tensor.create(counts, counts.length), like.device(), torch.ScalarType.Long);
  }

  /** The same number for each of {@code blocks} blocks of {@code rows}. */
  static long[] even(Tensor rows, int blocks) {
    long[] counts = new long[blocks];
    Arrays.fill(counts, rows.size(0) / blocks);
    return counts;
  }
}
