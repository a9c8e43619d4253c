package org.sparkmoe.schedule.policy;

import java.util.Locale;
import org.sparkmoe.schedule.graph.Lane;

/** The schedules to choose from (paper §6, FSMOE.md §7), slowest first by the paper's figures. */
public enum PolicyName {
  /** Nothing overlaps. */
  DS_MOE,
  /** PipeMoE: one degree for both directions, all-reduce after backward. */
  TUTEL,
  /** Tutel whose all-reduce overlaps the dense parts. */
  TUTEL_IMPROVED,
  /** PipeMoE with Lina's all-reduce in fixed chunks of 30 MB. */
  PIPEMOE_LINA,
  /** FSMoE with one lane for all communication. */
  FSMOE_NO_IIO,
  /** Three lanes, separate degrees, adaptive gradient partitioning. */
  FSMOE,
  /** Ours: whole blocks flow in chunks, gradients by weight fill holes. Never slower than FSMOE. */
  BEST;

  /** The policy, which considers degrees up to {@code maxDegree}. */
  public Policy policy(int maxDegree) {
    return switch (this) {
      case DS_MOE -> block(Lane.INTER_NODE, GradientRule.AFTER_BACKWARD, 1);
      case TUTEL -> block(Lane.INTER_NODE, GradientRule.AFTER_BACKWARD, maxDegree);
      case TUTEL_IMPROVED -> block(Lane.INTER_NODE, GradientRule.BESIDE_DENSE_PARTS, maxDegree);
      case PIPEMOE_LINA -> block(Lane.INTER_NODE, GradientRule.FIXED_CHUNKS, maxDegree);
      case FSMOE_NO_IIO -> block(Lane.INTER_NODE, GradientRule.ADAPTIVE, maxDegree);
      case FSMOE -> block(Lane.INTRA_NODE, GradientRule.ADAPTIVE, maxDegree);
      case BEST -> new BestPolicy(maxDegree);
    };
  }

  /**
   * The policy as training runs it on a model that also cuts what is between its MoE layers, which
   * only {@link #BEST} makes use of.
   *
   * @param limits of the model
   */
  public Policy executable(int maxDegree, FlowLimits limits) {
    return this == BEST ? new TrainedBest(maxDegree, limits) : policy(maxDegree);
  }

  /**
   * The policy as training runs it on a model that cuts its MoE layers, not what is between them;
   * {@link #BEST} then searches that.
   */
  public Policy executable(int maxDegree) {
    return this == BEST ? new LayerwiseBest(maxDegree) : policy(maxDegree);
  }

  private Policy block(Lane intraNode, GradientRule gradients, int maxDegree) {
    return new BlockPolicy(toString(), intraNode, gradients, maxDegree);
  }

  /** As written in configurations, for example {@code tutel-improved}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
