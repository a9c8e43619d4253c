package org.sparkmoe.moe;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * What an MoE layer gives back.
 *
 * @param output {@code [S, M]} of the compute type, on the tape
 * @param auxLoss scalar f32 or f64 on the tape, coefficients applied: this rank's share, of which
 *     the sum over ranks is the loss of the micro-step
 * @param routing of this rank's tokens
 */
public record MoeOutput(Tensor output, Tensor auxLoss, RoutingCounts routing) {

  /** Over all ranks, which call it at the same time. */
  public RoutingStats stats() {
    return RoutingCounts.read(List.of(routing)).get(0);
  }
}
