package org.sparkmoe.runtime;

import java.io.Serializable;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkContext;
import org.apache.spark.status.api.v1.ExecutorSummary;
import org.sparkmoe.topology.ClusterConfig;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What the driver knows of the executors and a rank has to know as well.
 *
 * @param coresOfExecutor cores by executor id
 * @param local whether everything runs in the driver's JVM
 */
record Placement(Map<String, Integer> coresOfExecutor, boolean local) implements Serializable {
  private static final String LOOPBACK = "127.0.0.1";

  static Placement of(SparkContext context) {
    Map<String, Integer> cores = new HashMap<>();
    for (ExecutorSummary executor :
        CollectionConverters.asJava(context.statusStore().executorList(true))) {
      cores.put(executor.id(), executor.totalCores());
    }
    return new Placement(cores, context.isLocal());
  }

  /**
   * CPU threads for a rank.
   *
   * @param executor the rank's executor
   * @param executors the executor of every rank
   */
  int threads(ClusterConfig cluster, String executor, List<String> executors) {
    if (!ClusterConfig.AUTO.equals(cluster.threadsPerRank())) {
      return Integer.parseInt(cluster.threadsPerRank());
    }
    int cores = coresOfExecutor.getOrDefault(executor, Runtime.getRuntime().availableProcessors());
    return Math.max(1, cores / Collections.frequency(executors, executor));
  }

  /** Where a rank listens: no wider than the executor itself does, and not at all when local. */
  String bindAddress(ClusterConfig cluster, BarrierTaskContext context) {
    if (!ClusterConfig.AUTO.equals(cluster.bindAddress())) {
      return cluster.bindAddress();
    }
    return local ? LOOPBACK : host(context);
  }

  /** The address by which Spark knows this executor. */
  static String host(BarrierTaskContext context) {
    String address = context.getTaskInfos()[context.partitionId()].address();
    int port = address.lastIndexOf(':');
    return port < 0 ? address : address.substring(0, port);
  }
}
