package org.sparkmoe.train;

import java.util.Arrays;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.data.SequenceSpool;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/**
 * Predicted tokens that carry a loss, over the whole of each global batch: what a rank's sum of
 * losses is divided by. They are summed over the data-parallel group once, before training, so that
 * no step has to.
 */
final class TargetCounts {
  private final double[] perBatch;

  private TargetCounts(double[] perBatch) {
    this.perBatch = perBatch;
  }

  /** All ranks call it together, each with its own rows. */
  static TargetCounts of(SequenceSpool spool, RankGroups groups, Device device) {
    double[] counts = LongStream.range(0, spool.batches()).mapToDouble(spool::targets).toArray();
    try (TensorScope scope = TensorScope.open()) {
      Tensor sums = DeviceMemory.copied(Tensor.create(counts), device, ScalarType.Double);
      groups.dp().allReduce(sums, Communicator.Reduction.SUM).await();
      return new TargetCounts(HostReads.doubles(sums));
    }
  }

  /** At least 1, so that a batch of context alone has loss 0. */
  long ofBatch(long batch) {
    return Math.max(1, (long) perBatch[Math.toIntExact(batch)]);
  }

  /** Over the first {@code batches} global batches; at least 1. */
  long ofFirst(long batches) {
    return Math.max(1, (long) Arrays.stream(perBatch).limit(batches).sum());
  }
}
