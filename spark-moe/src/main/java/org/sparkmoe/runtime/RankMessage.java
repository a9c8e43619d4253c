package org.sparkmoe.runtime;

import java.io.Serializable;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingStart;

/** What a rank tells the driver while it runs. */
sealed interface RankMessage extends Serializable {

  /** Where a rank is on its way to training. */
  enum Phase {
    LOADING("load its data"),
    JOINING("join the others"),
    RUNNING("run");

    private final String verb;

    Phase(String verb) {
      this.verb = verb;
    }

    /** What the rank has to do to finish the phase. */
    String verb() {
      return verb;
    }
  }

  /** A rank begins a phase. */
  record Entered(int rank, String host, Phase phase) implements RankMessage {}

  /** Rank 0 starts to train. */
  record Started(TrainingStart start) implements RankMessage {}

  /** Rank 0 has done a step. */
  record Stepped(StepMetrics metrics) implements RankMessage {}

  /** A plan ran on rank 0. */
  record Scheduled(ScheduleTrace trace) implements RankMessage {}

  /** Rank 0 has evaluated. */
  record Evaluated(EvaluationMetrics metrics) implements RankMessage {}

  /** A checkpoint is published. */
  record Checkpointed(long step, String directory) implements RankMessage {}

  /** Something is not as it should be, but training goes on. */
  record Warned(long step, String warning) implements RankMessage {}

  /**
   * A rank failed.
   *
   * @param rank which
   * @param host where
   * @param cause class and message, the innermost last
   * @param consequence whether it only saw that another rank had failed, or was ended by Spark
   */
  record Failed(int rank, String host, String cause, boolean consequence) implements RankMessage {}
}
