package org.sparkmoe.train;

/** Training that ended early because it was asked to, after a last checkpoint. */
public final class TrainingStoppedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long step;
  private final String checkpoint;

  /**
   * @param step steps done
   * @param checkpoint the directory of the checkpoint of that step
   */
  public TrainingStoppedException(long step, String checkpoint) {
    super(
        "training stopped after step %d, as asked; the checkpoint is %s: go on from it with --resume"
            .formatted(step, checkpoint));
    this.step = step;
    this.checkpoint = checkpoint;
  }

  /** Steps done. */
  public long step() {
    return step;
  }

  /** The directory of the last checkpoint. */
  public String checkpoint() {
    return checkpoint;
  }
}
