package org.sparkmoe.train;

import java.io.Serializable;
import java.util.List;
import org.sparkmoe.moe.RoutingStats;

/**
 * Of one step; sums and means are over all ranks.
 *
 * @param step steps done, this one included
 * @param loss mean negative log-likelihood a token, nats, without auxiliary losses
 * @param auxLoss auxiliary losses with their coefficients
 * @param learningRate of this step
 * @param gradientNorm global norm before clipping
 * @param skipped whether the gradient was not finite and the weights stayed as they were
 * @param tokensPerSecond of this step over all ranks
 * @param milliseconds of the clock on rank 0
 * @param nativeBytes native memory of rank 0's process after the step; it stays level
 * @param nativeHandles native objects that Java code owns there; it stays the same
 * @param routing how each MoE layer routed the last micro-batch, in order
 */
public record StepMetrics(
    long step,
    double loss,
    double auxLoss,
    double learningRate,
    double gradientNorm,
    boolean skipped,
    double tokensPerSecond,
    double milliseconds,
    long nativeBytes,
    long nativeHandles,
    List<RoutingStats> routing)
    implements Serializable {

  public StepMetrics {
    routing = List.copyOf(routing);
  }
}
