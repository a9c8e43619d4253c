package org.sparkmoe.runtime;

import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.spark.SparkContext;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.topology.ClusterConfig;
import org.sparkmoe.train.TrainingStoppedException;

/**
 * Starts a job again after a rank has failed. Spark itself never tries a failed barrier result
 * stage again.
 */
final class Restarts {
  private final SparkContext context;
  private final ProgressListener progress;
  private final BooleanSupplier stopping;

  /**
   * @param stopping whether the user has asked the job to end
   */
  Restarts(SparkContext context, ProgressListener progress, BooleanSupplier stopping) {
    this.context = context;
    this.progress = progress;
    this.stopping = stopping;
  }

  /**
   * Runs {@code job} until it succeeds, at most {@code restart.max} times more than once.
   *
   * @param job gets {@code config} first, then what resumes it on the slots that are left
   * @throws TrainingFailedException if it fails for good; says why it was not started again
   */
  <A> A run(RunConfig config, Function<RunConfig, A> job) {
    RunConfig current = config;
    @Nullable TrainingFailedException failure = null;
    for (int restart = 1; ; restart++) {
      try {
        return job.apply(current);
      } catch (TrainingFailedException e) {
        failure = e;
      } catch (TrainingStoppedException e) {
        throw e;
      } catch (Exception e) {
        if (failure == null) {
          throw e;
        }
        throw failure.with("the restart failed: " + root(e));
      }
      current = next(config, failure, restart);
    }
  }

  private RunConfig next(RunConfig config, TrainingFailedException failure, int restart) {
    int most = config.restart().max();
    if (!failure.isPassing()) {
      throw failure.with("not restarted: it would fail again, or was told to end");
    }
    if (restart > most || stopping.getAsBoolean()) {
      throw failure.with(
          "restarted %d times, restart.max is %d; --resume goes on from the newest checkpoint"
              .formatted(restart - 1, most));
    }
    ClusterConfig cluster;
    try {
      cluster = cluster(config);
    } catch (PreflightException e) {
      throw failure.with("not restarted: " + e.getMessage());
    }
    progress.restarting(failure.getMessage(), cluster.ranks(), restart, most);
    return config.resumedOn(cluster);
  }

  /** The configured one, or what the slots can hold if that is allowed. */
  private ClusterConfig cluster(RunConfig config) {
    Preflight preflight = new Preflight(context, config.cluster(), config.device(), progress);
    int slots = preflight.awaitSlots();
    if (slots >= config.cluster().ranks()) {
      return config.cluster();
    }
    Optional<ClusterConfig> smaller =
        config.restart().elastic() ? ElasticLayout.largest(config, slots) : Optional.empty();
    return smaller.orElseThrow(() -> preflight.refusal(slots));
  }

  /** What it is about: Spark wraps what happens in tasks. */
  private static Throwable root(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    return root;
  }
}
