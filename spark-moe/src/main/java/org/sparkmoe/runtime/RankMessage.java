package org.sparkmoe.runtime;

import java.io.Serializable;
import java.util.List;
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

  /** What the driver answers to a sign of life. */
  enum Order {
    GO_ON,
    /** Write a checkpoint, then end. */
    STOP,
    /** End at once: the others are lost. */
    ABORT
  }

  /** What a failure says about a restart. */
  enum FailureKind {
    /** It may not come back. */
    PASSING,
    /** It comes back with the same configuration and data. */
    LASTING,
    /** A checkpoint could not be read, which lasts, or not be written, which may pass. */
    CHECKPOINT,
    /** The rank only saw that another had failed, or was ended by Spark. */
    CONSEQUENCE
  }

  /** A rank begins a phase. */
  record Entered(int rank, String host, String executor, Phase phase) implements RankMessage {}

  /**
   * A sign of life, which is answered.
   *
   * @param killed whether Spark wants the rank's task to end
   */
  record Beat(int rank, boolean killed) implements RankMessage {}

  /** The ranks measure what they plan by. */
  record Measuring() implements RankMessage {}

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

  /** Training ends early, as asked, after a last checkpoint. */
  record Stopped(long step, String directory) implements RankMessage {}

  /**
   * A rank failed.
   *
   * @param rank which
   * @param host where
   * @param causes class and message of each, the innermost last
   * @param kind what it says about a restart
   */
  record Failed(int rank, String host, List<String> causes, FailureKind kind)
      implements RankMessage {}

  /** A rank's task is over, whatever came of it. */
  record Ended(int rank) implements RankMessage {}
}
