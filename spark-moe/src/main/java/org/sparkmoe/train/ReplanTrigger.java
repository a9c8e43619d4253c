package org.sparkmoe.train;

/**
 * Says when a job measures and plans again: after some steps in a row whose prediction was off, and
 * each time after twice as many as the time before. Where a machine is uneven no plan comes true,
 * and measuring takes seconds: doubling bounds what it costs a job of n steps by the logarithm of
 * n.
 */
final class ReplanTrigger {
  private final double tolerated;
  private long patience;
  private long missesInARow;

  /**
   * @param tolerated error of a prediction, as a share of what was measured
   * @param patience misses in a row before the first time
   */
  ReplanTrigger(double tolerated, int patience) {
    this.tolerated = tolerated;
    this.patience = patience;
  }

  /** A step ended with this error; whether to plan again. */
  boolean isDueAfter(double error) {
    missesInARow = Math.abs(error) > tolerated ? missesInARow + 1 : 0;
    if (missesInARow < patience) {
      return false;
    }
    missesInARow = 0;
    patience *= 2;
    return true;
  }

  /** Misses in a row before the next time. */
  long patience() {
    return patience;
  }
}
