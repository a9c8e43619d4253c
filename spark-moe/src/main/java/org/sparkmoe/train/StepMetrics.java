package org.sparkmoe.train;

import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;
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
 * @param teraflops model FLOPs: 10¹² operations a second and rank (see {@link
 *     org.sparkmoe.model.ModelSize#trainingFlopsPerToken})
 * @param mfu model FLOPs utilisation, {@code teraflops} over what the device does at best; null
 *     where that is not known
 * @param milliseconds of the clock on rank 0
 * @param nativeBytes native memory of rank 0's process after the step; it stays level
 * @param nativeHandles native objects that Java code owns there; it stays the same
 * @param hostReads how often rank 0's thread of steps has read tensors to the host; on a GPU it
 *     waits for the GPU each time
 * @param routing how each MoE layer routed the last micro-batch, in order
 * @param schedule how the MoE layers ran against their plan; null where no schedule runs them
 */
public record StepMetrics(
    long step,
    double loss,
    double auxLoss,
    double learningRate,
    double gradientNorm,
    boolean skipped,
    double tokensPerSecond,
    double teraflops,
    @Nullable Double mfu,
    double milliseconds,
    long nativeBytes,
    long nativeHandles,
    long hostReads,
    List<RoutingStats> routing,
    @Nullable ScheduleMetrics schedule)
    implements Serializable {

  public StepMetrics {
    routing = List.copyOf(routing);
  }

  /** The same with another routing. */
  public StepMetrics withRouting(List<RoutingStats> other) {
    return new StepMetrics(
        step,
        loss,
        auxLoss,
        learningRate,
        gradientNorm,
        skipped,
        tokensPerSecond,
        teraflops,
        mfu,
        milliseconds,
        nativeBytes,
        nativeHandles,
        hostReads,
        other,
        schedule);
  }

  /**
   * Assignments to the busiest expert over those to the mean one, in the layer where that is
   * largest; 1 without MoE layers.
   */
  public double imbalance() {
    return routing.stream().mapToDouble(RoutingStats::imbalance).max().orElse(1);
  }
}
