package org.sparkmoe.train;

/** What rank 0 tells while it trains. Called on the training thread: be quick. */
public interface TrainingListener {

  /** The job's collectives and modules are measured for a plan, before training starts. */
  default void measuring() {}

  /** Training starts, or goes on after a resume. */
  default void started(TrainingStart start) {}

  /** A step is done. */
  default void step(StepMetrics metrics) {}

  /** A plan ran its first step, or training its last. */
  default void scheduled(ScheduleTrace trace) {}

  /** An evaluation is done. */
  default void evaluated(EvaluationMetrics metrics) {}

  /** A checkpoint is published. */
  default void checkpointed(long step, String directory) {}

  /** Something is not as it should be, but training goes on; {@code step} is 0 before it starts. */
  default void warned(long step, String warning) {}

  /** Asked after every step: whether training is to end with a checkpoint. */
  default boolean stopRequested() {
    return false;
  }

  /** Tells nothing. */
  static TrainingListener silent() {
    return new TrainingListener() {};
  }
}
