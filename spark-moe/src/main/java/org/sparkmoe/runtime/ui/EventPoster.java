package org.sparkmoe.runtime.ui;

import java.time.Instant;
import java.util.List;
import org.apache.spark.SparkContext;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingStart;

/**
 * Puts what a training tells on Spark's listener bus. The event log keeps some steps only, so that
 * it stays small however long the training is: about {@link #KEPT_STEPS}, and where the tokens went
 * of about {@link #KEPT_ROUTINGS}.
 */
public final class EventPoster implements TrainingListener {
  static final int KEPT_STEPS = 500;
  static final int KEPT_ROUTINGS = 100;

  /** Of a training's first steps all are kept. */
  private static final int FIRST = 10;

  private final SparkContext context;
  private final String run = Instant.now().toString();
  private long steps = Long.MAX_VALUE;
  private int number;

  /** Posts to the bus of {@code context}. */
  public EventPoster(SparkContext context) {
    this.context = context;
  }

  @Override
  public synchronized void started(TrainingStart start) {
    steps = start.steps();
    post(true, start, null, null, null);
  }

  @Override
  public synchronized void step(StepMetrics metrics) {
    boolean routed = isKept(metrics.step(), KEPT_ROUTINGS);
    boolean kept = routed || isKept(metrics.step(), KEPT_STEPS);
    post(kept, null, kept && !routed ? metrics.withRouting(List.of()) : metrics, null, null);
  }

  private boolean isKept(long step, int most) {
    return step <= FIRST || step == steps || step % Math.max(1, steps / most) == 0;
  }

  @Override
  public synchronized void evaluated(EvaluationMetrics metrics) {
    post(true, null, null, metrics, null);
  }

  @Override
  public synchronized void scheduled(ScheduleTrace trace) {
    post(true, null, null, null, trace);
  }

  private void post(
      boolean kept,
      @Nullable TrainingStart start,
      @Nullable StepMetrics step,
      @Nullable EvaluationMetrics evaluation,
      @Nullable ScheduleTrace schedule) {
    context
        .listenerBus()
        .post(new TrainingEvent(run, number++, kept, start, step, evaluation, schedule));
  }
}
