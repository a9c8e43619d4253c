package org.sparkmoe.runtime;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.sparkmoe.topology.ClusterConfig;

/**
 * A program with two executors of two cores each. It tells why training on GPUs is refused while
 * Spark knows of none, then, with a made-up GPU for each executor, how many tasks of either kind
 * run at once and which GPU each training task gets.
 */
final class GpuAllocation {
  private GpuAllocation() {}

  /** The argument is the discovery script. */
  public static void main(String[] args) {
    refuse(twoExecutors());
    SparkConf conf =
        twoExecutors()
            .set("spark.worker.resource.gpu.amount", "1")
            .set("spark.worker.resource.gpu.discoveryScript", args[0])
            .set("spark.executor.resource.gpu.amount", "1")
            .set("spark.executor.resource.gpu.discoveryScript", args[0]);
    System.out.println("problems " + GpuResources.problems(conf, 2));
    try (JavaSparkContext java = new JavaSparkContext(conf)) {
      SparkContext context = java.sc();
      ResourceProfile training = GpuResources.forTraining(context);
      context.resourceProfileManager().addResourceProfile(training);
      List<Integer> four = IntStream.range(0, 4).boxed().toList();
      // Waits for executors as a side effect.
      JavaRDD<Integer> data = java.parallelize(four, 4).repartition(2);
      List<Integer> indices =
          data.rdd()
              .withResources(training)
              .toJavaRDD()
              .mapPartitions(rows -> List.of(GpuAssignment.of(TaskContext.get())).iterator())
              .collect();
      System.out.println("gpus " + indices);
      System.out.println(
          "preparation "
              + context.maxNumConcurrentTasks(
                  context.resourceProfileManager().defaultResourceProfile()));
      System.out.println("training " + context.maxNumConcurrentTasks(training));
    }
  }

  private static SparkConf twoExecutors() {
    return new SparkConf()
        .setMaster("local-cluster[2,2,1024]")
        .setAppName("GPU allocation")
        .set("spark.ui.enabled", "false")
        .set("spark.executor.extraClassPath", System.getProperty("java.class.path"));
  }

  private static void refuse(SparkConf conf) {
    ClusterConfig cluster =
        new ClusterConfig(
            2, 2, 1, 1, 1, 1, "auto", "auto", Duration.ofSeconds(1), Duration.ofSeconds(1));
    DeviceConfig cuda = new DeviceConfig(DeviceConfig.Kind.CUDA, 0, 0);
    try (JavaSparkContext java = new JavaSparkContext(conf)) {
      new Preflight(java.sc(), cluster, cuda, ProgressListener.silent()).check(conf);
    } catch (PreflightException e) {
      System.out.println("refused " + e.getMessage());
    }
  }
}
