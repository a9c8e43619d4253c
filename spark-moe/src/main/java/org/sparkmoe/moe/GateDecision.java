package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a gate decides about the tokens of one rank.
 *
 * @param routing where tokens go, with weights under autograd
 * @param logitsSE {@code [S, E]} under autograd, for the z-loss
 * @param probabilitiesSE {@code [S, E]}, for the entropy and the importance loss
 * @param chosenSK {@code [S, K]} i64 experts before dropping, -1 none; null if routing is dense
 * @param balanceLoss the gate's own balancing loss, without coefficient; null if it has none
 * @param loadE {@code [E]} under autograd: smooth number of this rank's tokens per expert, for the
 *     load loss; null if the gate has no such estimate
 * @param residualS1 {@code [S, 1]} under autograd: the layer adds this much of the token to its
 *     output (BASE); null for none
 */
public record GateDecision(
    Routing routing,
    Tensor logitsSE,
    Tensor probabilitiesSE,
    @Nullable Tensor chosenSK,
    @Nullable SharedLoss balanceLoss,
    @Nullable Tensor loadE,
    @Nullable Tensor residualS1) {

  /** A decision with neither load estimate nor residual. */
  public static GateDecision of(
      Routing routing,
      Tensor logitsSE,
      Tensor probabilitiesSE,
      @Nullable Tensor chosenSK,
      @Nullable SharedLoss balanceLoss) {
    return new GateDecision(routing, logitsSE, probabilitiesSE, chosenSK, balanceLoss, null, null);
  }
}
