package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;

/** The gradients of one rank's parameters: cleared, summed over replicas, measured. */
final class Gradients {
  /** Bytes of a bucket, within which sums of different buckets overlap. */
  private static final long BUCKET_BYTES = 25L << 20;

  private final List<ParameterGroup> parameters;
  private final RankGroups groups;
  private final @Nullable GradientSlices slices;

  /**
   * @param slices what is summed during backward already, or null
   */
  Gradients(List<ParameterGroup> parameters, RankGroups groups, @Nullable GradientSlices slices) {
    this.parameters = parameters;
    this.groups = groups;
    this.slices = slices;
  }

  void clear() {
    for (ParameterGroup group : parameters) {
      group.gradients().zero_();
    }
  }

  /** Sums every gradient over the ranks that hold a copy of its parameter. */
  void sumOverReplicas() {
    try (TensorScope scope = TensorScope.open()) {
      List<Communicator.Handle> underWay = new ArrayList<>();
      for (ParameterGroup group : parameters) {
        Communicator replicas = group.replicas(groups);
        boolean sliced = slices != null && slices.covers(group);
        if (replicas.size() > 1 && !sliced) {
          for (Tensor bucket : buckets(group.gradients())) {
            underWay.add(replicas.allReduce(bucket, Communicator.Reduction.SUM));
          }
        }
      }
      underWay.forEach(Communicator.Handle::await);
      if (slices != null) {
        slices.finish();
      }
    }
  }

  private static List<Tensor> buckets(Tensor flat) {
    long length = BUCKET_BYTES / flat.element_size();
    List<Tensor> buckets = new ArrayList<>();
    for (long start = 0; start < flat.numel(); start += length) {
      buckets.add(flat.narrow(0, start, Math.min(length, flat.numel() - start)));
    }
    return buckets;
  }

  /**
   * This rank's part of the squared global norm: every box counts on one rank, so that the sum over
   * the world counts each element of each whole tensor once.
   *
   * @return {@code [1]} f64 on the device of the gradients, in the caller's scope
   */
  Tensor ownedSquaredNorm() {
    return TensorScope.compute(
        () -> {
          Tensor sum =
              DeviceMemory.zeros(
                  parameters.get(0).gradients().device(), torch.ScalarType.Double, 1);
          for (ParameterGroup group : parameters) {
            if (group.isOwner(groups)) {
              sum.add_(group.gradients().norm().to(torch.ScalarType.Double).square());
            }
          }
          return sum;
        });
  }
}
