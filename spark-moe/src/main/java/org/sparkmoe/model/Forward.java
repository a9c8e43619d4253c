package org.sparkmoe.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.moe.RoutingCounts;

/**
 * What a forward pass gives back.
 *
 * @param lossSum scalar f32 or f64 on the tape: negative log-likelihood, nats, summed over this
 *     rank's targets; 0 but on the last pipeline stage
 * @param auxLoss scalar f32 or f64 on the tape: this rank's share of the auxiliary losses,
 *     coefficients applied, summed over layers
 * @param routing of this rank's tokens by each of this stage's MoE layers, in order
 */
public record Forward(Tensor lossSum, Tensor auxLoss, List<RoutingCounts> routing) {
  public Forward {
    routing = List.copyOf(routing);
  }
}
