package org.sparkmoe.moe;

import java.io.Serializable;

/**
 * How one layer routed one micro-step, over all ranks.
 *
 * @param tokensPerExpert assignments that each expert kept
 * @param droppedShare dropped assignments over all assignments, 0 to 1
 * @param gateEntropy mean entropy of the tokens' probabilities, nats
 * @param imbalance largest over mean number of assignments before dropping, at least 1
 * @param auxLoss sum of the auxiliary losses, coefficients applied
 */
public record RoutingStats(
    long[] tokensPerExpert,
    double droppedShare,
    double gateEntropy,
    double imbalance,
    double auxLoss)
    implements Serializable {}
