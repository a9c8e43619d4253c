package org.sparkmoe.runtime;

import java.io.Serializable;
import java.util.Collections;
import java.util.List;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkEnv;
import org.sparkmoe.collective.CommunicatorFactory;
import org.sparkmoe.tensor.ComputeThreads;
import org.sparkmoe.topology.ClusterConfig;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.TrainingStoppedException;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;

/** A rank: the body of the barrier stage. */
final class RankTask<A> extends AbstractFunction1<Iterator<RankData>, Iterator<A>>
    implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String job;
  private final ClusterConfig cluster;
  private final DeviceConfig device;
  private final RestartConfig restart;
  private final RankBody<A> body;
  private final Placement placement;

  RankTask(
      String job,
      ClusterConfig cluster,
      DeviceConfig device,
      RestartConfig restart,
      RankBody<A> body,
      Placement placement) {
    this.job = job;
    this.cluster = cluster;
    this.device = device;
    this.restart = restart;
    this.body = body;
    this.placement = placement;
  }

  @Override
  public Iterator<A> apply(Iterator<RankData> input) {
    BarrierTaskContext context = BarrierTaskContext.get();
    int rank = context.partitionId();
    try (RankPulse pulse = RankPulse.start(context, job, restart)) {
      RankReporter reporter =
          new RankReporter(job, rank, Placement.host(context), body.routing(), pulse);
      try {
        return run(context, input, pulse, reporter);
      } catch (RuntimeException | Error e) {
        reporter.failed(e);
        throw e;
      } finally {
        reporter.ended();
      }
    }
  }

  private Iterator<A> run(
      BarrierTaskContext context,
      Iterator<RankData> input,
      RankPulse pulse,
      RankReporter reporter) {
    reporter.entered(RankMessage.Phase.LOADING);
    try (RankBody.Loaded<A> loaded = body.load(input.next())) {
      A answer = join(context, loaded, pulse, reporter);
      List<A> answers = context.partitionId() == 0 ? List.of(answer) : Collections.emptyList();
      return CollectionConverters.asScala(answers.iterator());
    }
  }

  private A join(
      BarrierTaskContext context,
      RankBody.Loaded<A> loaded,
      RankPulse pulse,
      RankReporter reporter) {
    int rank = context.partitionId();
    reporter.entered(RankMessage.Phase.JOINING);
    String executor = SparkEnv.get().executorId();
    ComputeThreads.limit(
        placement.threads(cluster, executor, List.of(context.allGather(executor))));
    try (CommunicatorFactory world =
        RankDevice.here(device)
            .join(
                rank,
                cluster,
                message -> List.of(context.allGather(message)),
                placement.bindAddress(cluster, context))) {
      RankGroups groups =
          RankGroups.create(cluster.topology(), rank, world, cluster.collectiveTimeout());
      return run(groups, loaded, pulse, reporter);
    }
  }

  private A run(
      RankGroups groups, RankBody.Loaded<A> loaded, RankPulse pulse, RankReporter reporter) {
    try (RankPulse.Guard guard = pulse.guard(groups::abort)) {
      reporter.entered(RankMessage.Phase.RUNNING);
      return loaded.run(groups, reporter);
    } catch (TrainingStoppedException e) {
      // All ranks end alike, and some may still be reading what this one sent them.
      throw e;
    } catch (RuntimeException | Error e) {
      // The driver must hear of it before the others fail because of the abort.
      reporter.failed(e);
      groups.abort("rank %d failed: %s".formatted(groups.rank(), e));
      throw e;
    }
  }
}
