package org.sparkmoe.runtime.ui;

import java.util.Arrays;
import java.util.Locale;
import org.apache.spark.util.AccumulatorV2;
import org.sparkmoe.moe.RoutingStats;

/**
 * How one MoE layer routed, over the steps of a stage, for the stage's page in Spark's web UI. Rank
 * 0 adds what it knows of all ranks.
 */
public final class RoutingAccumulator extends AccumulatorV2<RoutingStats, String> {
  private static final long serialVersionUID = 1L;

  private long steps;
  private long[] tokensPerExpert = {};
  private double dropped;
  private double entropy;
  private double imbalance;
  private double auxLoss;

  @Override
  public boolean isZero() {
    return steps == 0;
  }

  @Override
  public RoutingAccumulator copy() {
    RoutingAccumulator copy = new RoutingAccumulator();
    copy.merge(this);
    return copy;
  }

  @Override
  public void reset() {
    steps = 0;
    tokensPerExpert = new long[0];
    dropped = 0;
    entropy = 0;
    imbalance = 0;
    auxLoss = 0;
  }

  @Override
  public void add(RoutingStats step) {
    steps++;
    addTokens(step.tokensPerExpert());
    dropped += step.droppedShare();
    entropy += step.gateEntropy();
    imbalance += step.imbalance();
    auxLoss += step.auxLoss();
  }

  @Override
  public void merge(AccumulatorV2<RoutingStats, String> other) {
    RoutingAccumulator more = (RoutingAccumulator) other;
    steps += more.steps;
    addTokens(more.tokensPerExpert);
    dropped += more.dropped;
    entropy += more.entropy;
    imbalance += more.imbalance;
    auxLoss += more.auxLoss;
  }

  private void addTokens(long[] tokens) {
    long[] sums = Arrays.copyOf(tokensPerExpert, Math.max(tokensPerExpert.length, tokens.length));
    for (int expert = 0; expert < tokens.length; expert++) {
      sums[expert] += tokens[expert];
    }
    tokensPerExpert = sums;
  }

  /** Sum of the tokens and means over the steps, as text. */
  @Override
  public String value() {
    double count = Math.max(1, steps);
    return String.format(
        Locale.ROOT,
        "tokens per expert %s; mean of %d steps: dropped %.2f %%, gate entropy %.3f nats, imbalance"
            + " %.3f, auxiliary loss %.5f",
        Arrays.toString(tokensPerExpert),
        steps,
        100 * dropped / count,
        entropy / count,
        imbalance / count,
        auxLoss / count);
  }
}
