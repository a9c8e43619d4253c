package org.sparkmoe.runtime;

import java.util.LinkedHashSet;
import java.util.Set;
import org.apache.spark.TaskKilledException;
import org.sparkmoe.collective.CollectiveException;
import org.sparkmoe.runtime.ui.RoutingAccumulators;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingStart;

/** A rank's end of the channel to the driver. */
final class RankReporter implements TrainingListener {
  private static final int MAX_CAUSES = 10;

  private final String job;
  private final int rank;
  private final String host;
  private final RoutingAccumulators routing;

  /**
   * @param routing is added to after each step
   */
  RankReporter(String job, int rank, String host, RoutingAccumulators routing) {
    this.routing = routing;
    this.job = job;
    this.rank = rank;
    this.host = host;
  }

  void entered(RankMessage.Phase phase) {
    RankChannel.send(job, new RankMessage.Entered(rank, host, phase));
  }

  /** Returns when the driver has it: only then may this rank disturb the others. */
  void failed(Throwable failure) {
    Set<Throwable> chain = causes(failure);
    boolean consequence =
        chain.stream()
            .anyMatch(c -> c instanceof CollectiveException || c instanceof TaskKilledException);
    RankChannel.deliver(job, new RankMessage.Failed(rank, host, describe(chain), consequence));
  }

  private static Set<Throwable> causes(Throwable failure) {
    Set<Throwable> chain = new LinkedHashSet<>();
    for (Throwable cause = failure;
        cause != null && chain.size() < MAX_CAUSES && chain.add(cause);
        cause = cause.getCause()) {}
    return chain;
  }

  private static String describe(Set<Throwable> chain) {
    return String.join(
        ", caused by ",
        chain.stream().map(c -> c.getClass().getSimpleName() + ": " + c.getMessage()).toList());
  }

  @Override
  public void started(TrainingStart start) {
    RankChannel.send(job, new RankMessage.Started(start));
  }

  @Override
  public void step(StepMetrics metrics) {
    routing.add(metrics);
    RankChannel.send(job, new RankMessage.Stepped(metrics));
  }

  @Override
  public void scheduled(ScheduleTrace trace) {
    RankChannel.send(job, new RankMessage.Scheduled(trace));
  }

  @Override
  public void evaluated(EvaluationMetrics metrics) {
    RankChannel.send(job, new RankMessage.Evaluated(metrics));
  }

  @Override
  public void warned(long step, String warning) {
    RankChannel.send(job, new RankMessage.Warned(step, warning));
  }

  @Override
  public void checkpointed(long step, String directory) {
    RankChannel.send(job, new RankMessage.Checkpointed(step, directory));
  }
}
