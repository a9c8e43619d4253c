package org.sparkmoe.schedule.cost;

/**
 * t(n) = α + n·β (paper §4.1).
 *
 * @param alpha start-up time, milliseconds
 * @param beta milliseconds per unit of work (element or multiply-add)
 */
public record CostModel(double alpha, double beta) {

  public CostModel {
    if (!(alpha >= 0 && beta >= 0) || Double.isInfinite(alpha + beta)) {
      throw new IllegalArgumentException(
          "cost model: alpha %s and beta %s, must be finite and not negative"
              .formatted(alpha, beta));
    }
  }

  /** Milliseconds for {@code n} units of work. */
  public double time(double n) {
    return alpha + n * beta;
  }

  /**
   * The work that takes {@code time} milliseconds, 0 if that is less than the start-up (g_inv of
   * paper §5).
   */
  public double work(double time) {
    return time <= alpha ? 0 : (time - alpha) / beta;
  }

  /** Both α and β multiplied. */
  public CostModel times(double factor) {
    return new CostModel(alpha * factor, beta * factor);
  }

  /** The same start-up, β multiplied: for work counted in another unit. */
  public CostModel perUnit(double factor) {
    return new CostModel(alpha, beta * factor);
  }
}
