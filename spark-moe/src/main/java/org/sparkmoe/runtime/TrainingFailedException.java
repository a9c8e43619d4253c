package org.sparkmoe.runtime;

/** A barrier stage that ended because a rank failed. */
public final class TrainingFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Names the rank that failed first, its host, the step and its cause. */
  public TrainingFailedException(String message, Throwable cause) {
    super(message, cause);
  }
}
