package org.sparkmoe.moe;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.sparkmoe.kernel.RoutingKernels;
import org.sparkmoe.tensor.HostReads;
import org.sparkmoe.tensor.TensorScope;

/**
 * How a layer routed this rank's tokens, where they were routed. Reading it sums over ranks and, on
 * a GPU, waits for it; so that is done once, for all layers, when the work of a step is queued.
 *
 * @param sums {@code [2·E + 2]} f64: assignments of each expert after and before dropping, entropy,
 *     auxiliary loss
 * @param step of all tokens of this rank
 */
public record RoutingCounts(Tensor sums, GateStep step) {

  /**
   * @param counts sum of {@link #of} over the calls of this rank's gate
   * @param auxLoss scalar, this rank's share
   */
  static RoutingCounts finished(Tensor counts, Tensor auxLoss, GateStep step) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      Tensor loss = auxLoss.detach().reshape(1).to(ScalarType.Double);
      return new RoutingCounts(torch.cat(new TensorVector(counts, loss)), step);
    }
  }

  /** Sums over the tokens that the gate saw: {@code [2·E + 1]} f64. */
  static Tensor of(GateDecision decision, GateStep step) {
    try (AutoGradMode off = new AutoGradMode(false)) {
      Tensor chosen = decision.chosenSK();
      Tensor kept = kept(decision, step);
      Tensor wanted = chosen == null ? kept : counts(chosen, 1, step);
      Tensor p = decision.probabilitiesSE().detach();
      Tensor entropy = torch.special_xlogy(p, p).sum().neg();
      TensorVector parts = new TensorVector();
      parts.push_back(kept.to(ScalarType.Double));
      parts.push_back(wanted.to(ScalarType.Double));
      parts.push_back(entropy.reshape(1).to(ScalarType.Double));
      return torch.cat(parts);
    }
  }

  /** The same with {@code other} in place of the sums, which are those of another scope. */
  public RoutingCounts with(Tensor other) {
    return new RoutingCounts(other, step);
  }

  /**
   * Over all ranks that have these layers, which call it at the same time: one sum and one read.
   *
   * @param layers of one micro-step
   */
  public static List<RoutingStats> read(List<RoutingCounts> layers) {
    if (layers.isEmpty()) {
      return List.of();
    }
    try (TensorScope scope = TensorScope.open();
        AutoGradMode off = new AutoGradMode(false)) {
      TensorVector parts = new TensorVector();
      layers.forEach(layer -> parts.push_back(layer.sums));
      Tensor sums = layers.get(0).step.worldSum(torch.cat(parts));
      double[] values = HostReads.doubles(sums);
      List<RoutingStats> all = new ArrayList<>();
      int first = 0;
      for (RoutingCounts layer : layers) {
        int end = first + Math.toIntExact(layer.sums.numel());
        all.add(stats(Arrays.copyOfRange(values, first, end), layer.step));
        first = end;
      }
      return List.copyOf(all);
    }
  }

  private static Tensor counts(Tensor slotsSK, long capacity, GateStep step) {
    return RoutingKernels.best().counts(slotsSK.contiguous(), step.config().experts(), capacity);
  }

  private static Tensor kept(GateDecision decision, GateStep step) {
    if (decision.routing() instanceof PackedRouting packed) {
      return packed.countsE();
    }
    if (decision.routing() instanceof SparseRouting sparse) {
      return counts(sparse.slotsSK(), sparse.capacity(), step);
    }
    // Each place of a dense routing is a mixture: all of them are in use.
    long[] experts = {step.config().experts()};
    return torch.full(
        experts, new Scalar((double) decision.routing().capacity()), decision.logitsSE().options());
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
