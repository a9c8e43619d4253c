package org.sparkmoe.schedule.cost;

/**
 * A cost model fitted to measurements by least squares (paper §4.1).
 *
 * @param model α and β, neither below zero
 * @param rSquared share of the variance of the times that the model explains, at most 1
 */
public record CostFit(CostModel model, double rSquared) {

  /**
   * Fits t = α + n·β. If the unconstrained best α or β is negative, the best model with that one at
   * zero is taken, since neither can be.
   *
   * @param work n of each measurement, at least two different values
   * @param times milliseconds of each measurement
   */
  public static CostFit of(double[] work, double[] times) {
    if (work.length != times.length || work.length < 2) {
      throw new IllegalArgumentException(
          "cost fit: %d sizes and %d times, must be equally many and at least 2"
              .formatted(work.length, times.length));
    }
    double meanWork = mean(work);
    double meanTime = mean(times);
    double covariance = 0;
    double variance = 0;
    for (int i = 0; i < work.length; i++) {
      covariance += (work[i] - meanWork) * (times[i] - meanTime);
      variance += (work[i] - meanWork) * (work[i] - meanWork);
    }
    if (variance == 0) {
      throw new IllegalArgumentException("cost fit: all sizes are " + work[0] + ", must differ");
    }
    double beta = Math.max(0, covariance / variance);
    double alpha = meanTime - beta * meanWork;
    if (alpha < 0) {
      alpha = 0;
      beta = slopeThroughOrigin(work, times);
    }
    CostModel model = new CostModel(alpha, beta);
    return new CostFit(model, rSquared(model, work, times, meanTime));
  }

  private static double slopeThroughOrigin(double[] work, double[] times) {
    double products = 0;
    double squares = 0;
    for (int i = 0; i < work.length; i++) {
      products += work[i] * times[i];
      squares += work[i] * work[i];
    }
    return products / squares;
  }

  private static double rSquared(CostModel model, double[] work, double[] times, double meanTime) {
    double residual = 0;
    double total = 0;
    for (int i = 0; i < work.length; i++) {
      double error = times[i] - model.time(work[i]);
      residual += error * error;
      total += (times[i] - meanTime) * (times[i] - meanTime);
    }
    return total == 0 ? 1 : 1 - residual / total;
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }
}
