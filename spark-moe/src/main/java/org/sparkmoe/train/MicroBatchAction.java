package org.sparkmoe.train;

/**
 * A micro-batch goes through a pipeline stage.
 *
 * @param microBatch its number in the step, from 0
 */
record MicroBatchAction(Direction direction, int microBatch) {
  enum Direction {
    FORWARD,
    BACKWARD
  }

  /** For example {@code F3}. */
  @Override
  public String toString() {
    return direction.name().charAt(0) + Integer.toString(microBatch);
  }
}
