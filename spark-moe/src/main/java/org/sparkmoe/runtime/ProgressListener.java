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

  /** Hears nothing. */
  static ProgressListener silent() {
    return new ProgressListener() {};
  }
}
