package org.sparkmoe.runtime;

import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.RDD;
import org.sparkmoe.data.TokenSequence;
import org.sparkmoe.topology.ClusterConfig;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/** Runs a body on all ranks at once and brings back what rank 0 answers. */
final class BarrierStage {
  private final SparkContext context;
  private final ClusterConfig cluster;
  private final DeviceConfig device;
  private final ProgressListener progress;

  BarrierStage(
      SparkContext context, ClusterConfig cluster, DeviceConfig device, ProgressListener progress) {
    this.context = context;
    this.cluster = cluster;
    this.device = device;
    this.progress = progress;
  }

  /**
   * Runs {@code body} on one task for each rank.
   *
   * @param train partition r is rank r's
   * @param validation likewise
   * @throws TrainingFailedException if a rank fails; names the one that failed first
   */
  <A> A run(
      JavaRDD<TokenSequence> train,
      JavaRDD<TokenSequence> validation,
      RankBody<A> body,
      Class<A> answer) {
    String job = UUID.randomUUID().toString();
    // Narrow, and as many partitions as ranks: all that a barrier stage allows after the shuffle.
    RDD<RankData> data = train.zipPartitions(validation, BarrierStage::together).rdd();
    RankTask<A> task = new RankTask<>(job, cluster, device, body, Placement.of(context));
    if (device.kind() == DeviceConfig.Kind.CUDA && !context.isLocal()) {
      data = data.withResources(GpuResources.forTraining(context));
    }
    ClassTag<A> tag = ClassTag$.MODULE$.apply(answer);
    JavaRDD<A> answers = data.barrier().mapPartitions(task, false, tag).toJavaRDD();
    try (StageMonitor monitor = new StageMonitor(job, cluster.ranks(), progress)) {
      return collect(answers, monitor);
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
      if (!(e instanceof SparkException)) {
        throw e;
      }
      throw new TrainingFailedException(
          monitor.failure().orElseGet(() -> "the barrier stage failed: " + e.getMessage()), e);
    }
  }
}
