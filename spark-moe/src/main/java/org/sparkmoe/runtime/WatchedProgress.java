package org.sparkmoe.runtime;

import java.time.Duration;
import java.util.List;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingStart;

/**
 * Tells the user's listener and, after it, others.
 *
 * @param user hears of everything
 * @param others hear of training
 */
record WatchedProgress(ProgressListener user, List<TrainingListener> others)
    implements ProgressListener {

  @Override
  public void waiting(String what, Duration waited) {
    user.waiting(what, waited);
  }

  @Override
  public boolean stopRequested() {
    return user.stopRequested();
  }

  @Override
  public void restarting(String cause, int ranks, int restart, int most) {
    user.restarting(cause, ranks, restart, most);
  }

  @Override
  public void measuring() {
    user.measuring();
    others.forEach(TrainingListener::measuring);
  }

  @Override
  public void started(TrainingStart start) {
    user.started(start);
    others.forEach(other -> other.started(start));
  }

  @Override
  public void step(StepMetrics metrics) {
    user.step(metrics);
    others.forEach(other -> other.step(metrics));
  }

  @Override
  public void scheduled(ScheduleTrace trace) {
    user.scheduled(trace);
    others.forEach(other -> other.scheduled(trace));
  }

  @Override
  public void evaluated(EvaluationMetrics metrics) {
    user.evaluated(metrics);
    others.forEach(other -> other.evaluated(metrics));
  }

  @Override
  public void checkpointed(long step, String directory) {
    user.checkpointed(step, directory);
    others.forEach(other -> other.checkpointed(step, directory));
  }

  @Override
  public void warned(long step, String warning) {
    user.warned(step, warning);
    others.forEach(other -> other.warned(step, warning));
  }
}
