package org.sparkmoe.moe;

import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Turns a decision into plain values with one sum over ranks and one read. */
final class StatsReader {
  private StatsReader() {}

  /** Sums over the tokens that the gate saw: {@code [2·E + 1]} f64. */
  static Tensor counts(GateDecision decision, GateStep step) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      Tensor like = decision.logitsSE().detach();
      Tensor kept = kept(decision, like, step);
      Tensor wanted = decision.chosenSK() == null ? kept : step.counts(decision.chosenSK(), like);
      Tensor p = decision.probabilitiesSE().detach();
      Tensor entropy = torch.special_xlogy(p, p).sum().neg();
      TensorVector parts = new TensorVector();
      parts.push_back(kept.to(ScalarType.Double));
      parts.push_back(wanted.to(ScalarType.Double));
      parts.push_back(entropy.reshape(1).to(ScalarType.Double));
      return torch.cat(parts);
    }
  }

  /**
   * @param counts sum of {@link #counts} over the calls of this rank's gate
   * @param auxLoss scalar, this rank's share
   */
  static RoutingStats read(Tensor counts, Tensor auxLoss, GateStep step) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      TensorVector parts =
          new TensorVector(counts, auxLoss.detach().reshape(1).to(ScalarType.Double));
      Tensor sums = step.worldSum(torch.cat(parts)).to(new Device("cpu"), ScalarType.Double);
      double[] values = new double[Math.toIntExact(sums.numel())];
      sums.contiguous().data_ptr_double().get(values);
      return stats(values, step);
    }
  }

  private static Tensor kept(GateDecision decision, Tensor like, GateStep step) {
    if (decision.routing() instanceof SparseRouting sparse) {
      Tensor slots = sparse.slotsSK();
      Tensor experts =
          torch.where(
              slots.ge(new Scalar(0)),
              slots.floor_divide(new Scalar(sparse.capacity())),
              new Scalar(-1L));
      return step.counts(experts, like);
    }
    // Each place of a dense routing is a mixture: all of them are in use.
    long[] experts = {step.config().experts()};
    return torch.full(experts, new Scalar((double) decision.routing().capacity()), like.options());
  }

  private static RoutingStats stats(double[] values, GateStep step) {
    int experts = step.config().experts();
    long[] kept = new long[experts];
    double allKept = 0;
    double allWanted = 0;
    double most = 0;
    for (int e = 0; e < experts; e++) {
      kept[e] = Math.round(values[e]);
      allKept += values[e];
      allWanted += values[experts + e];
      most = Math.max(most, values[experts + e]);
    }
    return new RoutingStats(
        kept,
        allWanted == 0 ? 0 : 1 - allKept / allWanted,
        values[2 * experts] / step.context().microStepTokens(),
        allWanted == 0 ? 1 : most * experts / allWanted,
        values[2 * experts + 1]);
  }
}
