package org.sparkmoe.schedule.reproduce;

import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import org.sparkmoe.schedule.policy.PolicyName;

/**
 * Fits the one interference coefficient of a testbed: the sum of squared differences between
 * simulated and published mean speed-ups over Tutel is smallest. Schedules stay as they were
 * planned for ideal lanes.
 */
final class InterferenceFit {
  private static final double COARSE_STEP = 0.1;
  private static final double LARGEST = 1;
  private static final double TOLERANCE = 1e-3;
  private static final double GOLDEN = (Math.sqrt(5) - 1) / 2;

  private InterferenceFit() {}

  static double fit(List<PlannedStep> steps, Map<PolicyName, Double> published) {
    DoubleUnaryOperator error = interference -> error(steps, published, interference);
    double best = 0;
    double bestError = error.applyAsDouble(0);
    for (double c = COARSE_STEP; c <= LARGEST; c += COARSE_STEP) {
      double candidate = error.applyAsDouble(c);
      if (candidate < bestError) {
        best = c;
        bestError = candidate;
      }
    }
    return goldenSection(error, Math.max(0, best - COARSE_STEP), best + COARSE_STEP);
  }

  private static double error(
      List<PlannedStep> steps, Map<PolicyName, Double> published, double interference) {
    double error = 0;
    for (Map.Entry<PolicyName, Double> figure : published.entrySet()) {
      double ours = meanSpeedUp(steps, figure.getKey(), interference);
      error += Math.pow(ours - figure.getValue(), 2);
    }
    return error;
  }

  static double meanSpeedUp(List<PlannedStep> steps, PolicyName policy, double interference) {
    return steps.parallelStream()
        .mapToDouble(step -> step.speedUp(policy, PolicyName.TUTEL, interference))
        .average()
        .orElseThrow();
  }

  private static double goldenSection(DoubleUnaryOperator error, double from, double to) {
    double low = from;
    double high = to;
    while (high - low > TOLERANCE) {
      double left = high - GOLDEN * (high - low);
      double right = low + GOLDEN * (high - low);
      if (error.applyAsDouble(left) < error.applyAsDouble(right)) {
        high = right;
      } else {
        low = left;
      }
    }
    return (low + high) / 2;
  }
}
