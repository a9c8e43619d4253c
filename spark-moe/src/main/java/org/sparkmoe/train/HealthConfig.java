package org.sparkmoe.train;

import java.io.Serializable;

/**
 * What is watched while training runs; keys {@code health.*}.
 *
 * @param spikeDeviations how far above its running mean a loss must lie to belong to a spike, in
 *     standard deviations; 0 looks for none
 * @param spikeWindow steps that the running mean looks back on, and steps before the first spike
 *     can be found
 * @param spikeSteps such losses in a row that make a spike
 * @param onSpike what happens then
 * @param maxRewinds how often training may go back before it ends
 * @param collapseSteps steps in a row after which a collapsed router is warned of; 0 looks for none
 * @param collapseLoad share of all tokens at one expert above which a router has collapsed
 * @param collapseEntropy entropy of the gate below which it has, as a share of the largest, ln E
 */
public record HealthConfig(
    double spikeDeviations,
    int spikeWindow,
    int spikeSteps,
    OnSpike onSpike,
    int maxRewinds,
    int collapseSteps,
    double collapseLoad,
    double collapseEntropy)
    implements Serializable {

  /** What a loss spike leads to. */
  public enum OnSpike {
    /** A warning. */
    WARN,
    /** Training goes on from the last checkpoint before the spike, without the spike's data. */
    REWIND
  }

  /**
   * @throws IllegalArgumentException with one line for each invalid value
   */
  public HealthConfig {
    Problems problems = new Problems("health.");
    problems.check(
        spikeDeviations >= 0 && Double.isFinite(spikeDeviations),
        "spike-deviations",
        spikeDeviations,
        "at least 0 (0 looks for no spikes)");
    problems.check(spikeWindow >= 2, "spike-window", spikeWindow, "at least 2");
    problems.check(spikeSteps >= 1, "spike-steps", spikeSteps, "at least 1");
    problems.check(maxRewinds >= 0, "max-rewinds", maxRewinds, "at least 0");
    problems.check(
        collapseSteps >= 0, "collapse-steps", collapseSteps, "at least 0 (0 looks for none)");
    problems.check(
        collapseLoad > 0 && collapseLoad <= 1, "collapse-load", collapseLoad, "above 0, at most 1");
    problems.check(
        collapseEntropy >= 0 && collapseEntropy < 1,
        "collapse-entropy",
        collapseEntropy,
        "at least 0 and below 1");
    problems.throwIfAny();
  }

  /** Watches nothing. */
  public static HealthConfig off() {
    return new HealthConfig(0, 2, 1, OnSpike.WARN, 0, 0, 1, 0);
  }
}
