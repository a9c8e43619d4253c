package org.sparkmoe.moe;

import org.bytedeco.pytorch.Tensor;

/**
 * What an MoE layer gives back.
 *
 * @param output {@code [S, M]} of the compute type, on the tape
 * @param auxLoss scalar f32 or f64 on the tape, coefficients applied: this rank's share, of which
 *     the sum over ranks is the loss of the micro-step
 * @param stats over all ranks
 */
public record MoeOutput(Tensor output, Tensor auxLoss, RoutingStats stats) {}
