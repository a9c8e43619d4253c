package org.sparkmoe.runtime.ui;

import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.util.kvstore.KVIndex;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingStart;

/**
 * Something that happened in a training; exactly one of the last four is there. Spark writes it as
 * JSON into the event log, and the web UI's store keeps it as it is.
 *
 * @param run when the training began, UTC, in ISO 8601: tells the trainings of an application apart
 * @param number of the event in its training, from 0
 * @param kept whether event log and store keep it
 */
public record TrainingEvent(
    String run,
    int number,
    boolean kept,
    @Nullable TrainingStart start,
    @Nullable StepMetrics step,
    @Nullable EvaluationMetrics evaluation,
    @Nullable ScheduleTrace schedule)
    implements SparkListenerEvent {

  /** Identifies the event in Spark's store. */
  @KVIndex
  public String key() {
    return "%s %09d".formatted(run, number);
  }

  @Override
  public boolean logEvent() {
    return kept;
  }
}
