package org.sparkmoe.runtime;

/** A barrier stage that ended because a rank failed. */
public final class TrainingFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean passing;

  /**
   * @param message names the rank that failed first, its host, the step and its cause
   * @param passing whether the stage may go well the next time
   */
  TrainingFailedException(String message, Throwable cause, boolean passing) {
    super(message, cause);
    this.passing = passing;
  }

  /** The same failure, with a line on what follows. */
  TrainingFailedException with(String line) {
    return new TrainingFailedException(getMessage() + System.lineSeparator() + line, this, passing);
  }

  /** Whether the stage may go well the next time: not what configuration or data bring about. */
  public boolean isPassing() {
    return passing;
  }
}
