package org.sparkmoe.runtime;

import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.RDD;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.data.TokenSequence;
import org.sparkmoe.topology.ClusterConfig;
import org.sparkmoe.train.TrainingStoppedException;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/** Runs a body on all ranks at once and brings back what rank 0 answers. */
final class BarrierStage {
  private final SparkContext context;
  private final ClusterConfig cluster;
  private final DeviceConfig device;
  private final RestartConfig restart;
  private final ProgressListener progress;
  private @Nullable StageMonitor running;
  private boolean stopping;

  BarrierStage(
      SparkContext context,
      ClusterConfig cluster,
      DeviceConfig device,
      RestartConfig restart,
      ProgressListener progress) {
    this.context = context;
    this.cluster = cluster;
    this.device = device;
    this.restart = restart;
    this.progress = progress;
  }

  /**
   * Runs {@code body} on one task for each rank.
   *
   * @param train partition r is rank r's
   * @param validation likewise
   * @throws TrainingFailedException if a rank fails, after all have ended; names the one that
   *     failed first
   * @throws TrainingStoppedException if the body stopped with a checkpoint, as asked
   */
  <A> A run(
      JavaRDD<TokenSequence> train,
      JavaRDD<TokenSequence> validation,
      RankBody<A> body,
      Class<A> answer) {
    String job = UUID.randomUUID().toString();
    // Narrow, and as many partitions as ranks: all that a barrier stage allows after the shuffle.
    RDD<RankData> data = train.zipPartitions(validation, BarrierStage::together).rdd();
    RankTask<A> task = new RankTask<>(job, cluster, device, restart, body, Placement.of(context));
    if (device.kind() == DeviceConfig.Kind.CUDA && !context.isLocal()) {
      data = data.withResources(GpuResources.forTraining(context));
    }
    ClassTag<A> tag = ClassTag$.MODULE$.apply(answer);
    JavaRDD<A> answers = data.barrier().mapPartitions(task, false, tag).toJavaRDD();
    context.addJobTag(job);
    try (StageMonitor monitor =
        new StageMonitor(context, job, cluster.ranks(), restart, progress)) {
      running(monitor);
      return collect(answers, monitor);
    } finally {
      running(null);
      context.removeJobTag(job);
    }
  }

  private synchronized void running(@Nullable StageMonitor monitor) {
    running = monitor;
    if (monitor != null && stopping) {
      monitor.stop();
    }
  }

  /** Asks the ranks, now or when they run, for a last checkpoint, after which the stage ends. */
  synchronized void stop() {
    stopping = true;
    if (running != null) {
      running.stop();
    }
  }

  private static Iterator<RankData> together(
      Iterator<TokenSequence> train, Iterator<TokenSequence> validation) {
    return List.of(new RankData(train, validation)).iterator();
  }

  private static <A> A collect(JavaRDD<A> answers, StageMonitor monitor) {
    try {
      return answers.collect().get(0);
    } catch (Exception e) {
      // Spark's is a checked exception that the method does not declare.
      if (e instanceof SparkException spark) {
        throw monitor.explain(spark);
      }
      throw e;
    }
  }
}
