package org.sparkmoe.model;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.tensor.DeviceMemory;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;

/**
 * Brings the routing of all stages' MoE layers together, as rows of numbers of which each stage
 * fills in its own.
 *
 * @param column one rank of every stage
 * @param device where the communicator wants its tensors
 * @param before MoE layers of the stages before this one
 * @param layers MoE layers of the whole model
 */
record StageRouting(Communicator column, Device device, int before, int layers) {
  private static final int SCALARS = 4;

  /** The layers of all stages in order; the ranks of the column together. */
  List<RoutingStats> gather(List<RoutingStats> mine, int experts) {
    if (column.size() == 1 || layers == 0) {
      return mine;
    }
    int width = experts + SCALARS;
    double[] rows = new double[layers * width];
    for (int i = 0; i < mine.size(); i++) {
      write(mine.get(i), rows, (before + i) * width);
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensor sum = DeviceMemory.copied(Tensor.create(rows, rows.length), device, ScalarType.Double);
      column.allReduce(sum, Communicator.Reduction.SUM).await();
      rows = HostReads.doubles(sum);
    }
    List<RoutingStats> all = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      all.add(read(rows, layer * width, experts));
    }
    return all;
  }

  private static void write(RoutingStats stats, double[] rows, int at) {
    long[] tokens = stats.tokensPerExpert();
    for (int expert = 0; expert < tokens.length; expert++) {
      rows[at + expert] = tokens[expert];
    }
    int end = at + tokens.length;
    rows[end] = stats.droppedShare();
    rows[end + 1] = stats.gateEntropy();
    rows[end + 2] = stats.imbalance();
    rows[end + 3] = stats.auxLoss();
  }

  private static RoutingStats read(double[] rows, int at, int experts) {
    long[] tokens = new long[experts];
    for (int expert = 0; expert < experts; expert++) {
      tokens[expert] = (long) rows[at + expert];
    }
    int end = at + experts;
    return new RoutingStats(tokens, rows[end], rows[end + 1], rows[end + 2], rows[end + 3]);
  }
}
