package org.sparkmoe.runtime;

import java.time.Duration;
import org.sparkmoe.train.TrainingListener;

/** What the driver hears of a running job. Called on threads of Spark's: be quick. */
public interface ProgressListener extends TrainingListener {

  /**
   * The job cannot go on yet.
   *
   * @param what what it waits for, for example {@code rank 3 to load its data}
   * @param waited since when
   */
  default void waiting(String what, Duration waited) {}

  /**
   * A rank failed, all have ended, and training starts again from the newest checkpoint.
   *
   * @param cause names the rank that failed first, its host, the step and its cause
   * @param ranks with how many it starts again
   * @param restart number of the restart, from 1
   * @param most {@code restart.max}
   */
  default void restarting(String cause, int ranks, int restart, int most) {}

  /** Hears nothing. */
  static ProgressListener silent() {
    return new ProgressListener() {};
  }
}
