package org.sparkmoe.runtime;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskKilledException;
import org.sparkmoe.collective.CollectiveException;
import org.sparkmoe.conf.ConfigurationException;
import org.sparkmoe.data.DataException;
import org.sparkmoe.runtime.ui.RoutingAccumulators;
import org.sparkmoe.train.CheckpointException;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingException;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingStart;
import org.sparkmoe.train.TrainingStoppedException;

/** A rank's end of the channel to the driver. */
final class RankReporter implements TrainingListener {
  private static final int MAX_CAUSES = 10;

  /** What the same configuration and data bring about again. */
  private static final List<Class<? extends Throwable>> LASTING =
      List.of(
          TrainingException.class,
          DataException.class,
          PreflightException.class,
          ConfigurationException.class,
          IllegalArgumentException.class,
          LinkageError.class);

  private final String job;
  private final int rank;
  private final String host;
  private final RoutingAccumulators routing;
  private final RankPulse pulse;

  /**
   * @param routing is added to after each step
   * @param pulse knows whether training is to stop
   */
  RankReporter(String job, int rank, String host, RoutingAccumulators routing, RankPulse pulse) {
    this.routing = routing;
    this.pulse = pulse;
    this.job = job;
    this.rank = rank;
    this.host = host;
  }

  void entered(RankMessage.Phase phase) {
    String executor = SparkEnv.get().executorId();
    RankChannel.send(job, new RankMessage.Entered(rank, host, executor, phase));
  }

  void ended() {
    RankChannel.deliver(job, new RankMessage.Ended(rank));
  }

  /** Returns when the driver has it: only then may this rank disturb the others. */
  void failed(Throwable failure) {
    if (failure instanceof TrainingStoppedException stopped) {
      RankChannel.deliver(job, new RankMessage.Stopped(stopped.step(), stopped.checkpoint()));
      return;
    }
    Set<Throwable> chain = causes(failure);
    RankChannel.deliver(job, new RankMessage.Failed(rank, host, describe(chain), kind(chain)));
  }

  private static RankMessage.FailureKind kind(Set<Throwable> chain) {
    if (any(chain, List.of(CollectiveException.class, TaskKilledException.class))) {
      return RankMessage.FailureKind.CONSEQUENCE;
    }
    if (any(chain, LASTING)) {
      return RankMessage.FailureKind.LASTING;
    }
    return any(chain, List.of(CheckpointException.class))
        ? RankMessage.FailureKind.CHECKPOINT
        : RankMessage.FailureKind.PASSING;
  }

  private static boolean any(Set<Throwable> chain, List<Class<? extends Throwable>> classes) {
    return chain.stream().anyMatch(c -> classes.stream().anyMatch(type -> type.isInstance(c)));
  }

  private static Set<Throwable> causes(Throwable failure) {
    Set<Throwable> chain = new LinkedHashSet<>();
    for (Throwable cause = failure;
        cause != null && chain.size() < MAX_CAUSES && chain.add(cause);
        cause = cause.getCause()) {}
    return chain;
  }

  private static List<String> describe(Set<Throwable> chain) {
    return chain.stream().map(c -> c.getClass().getSimpleName() + ": " + c.getMessage()).toList();
  }

  @Override
  public boolean stopRequested() {
    return pulse.stopRequested();
  }

  @Override
  public void measuring() {
    RankChannel.send(job, new RankMessage.Measuring());
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
