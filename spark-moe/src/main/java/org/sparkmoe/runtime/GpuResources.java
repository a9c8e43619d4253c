package org.sparkmoe.runtime;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfileBuilder;
import org.apache.spark.resource.TaskResourceRequests;

/**
 * Spark's GPUs. Executors own them ({@code spark.executor.resource.gpu.*}); a training task asks
 * for one by a resource profile of its own, so that the tasks that prepare data, which ask for
 * none, are as many as there are cores.
 */
final class GpuResources {
  static final String EXECUTOR_AMOUNT = "spark.executor.resource.gpu.amount";
  private static final String DISCOVERY = "spark.executor.resource.gpu.discoveryScript";
  private static final String TASK_AMOUNT = "spark.task.resource.gpu.amount";
  private static final String TASK_CPUS = "spark.task.cpus";

  private GpuResources() {}

  /** Why ranks on a cluster would not get a GPU each; empty if they would. */
  static List<String> problems(SparkConf conf, int ranks) {
    List<String> problems = new ArrayList<>();
    double perTask = conf.getDouble(TASK_AMOUNT, 0);
    if (perTask != 0 && perTask != 1) {
      problems.add(
          "%s is %s, must be 1, one GPU for each rank, or not set"
              .formatted(TASK_AMOUNT, conf.get(TASK_AMOUNT)));
    }
    int perExecutor = conf.getInt(EXECUTOR_AMOUNT, 0);
    if (perExecutor < 1) {
      problems.add(
          "%s is %s, must be the GPUs of an executor, for device.kind = cuda with %d ranks"
              .formatted(EXECUTOR_AMOUNT, conf.get(EXECUTOR_AMOUNT, "not set"), ranks));
    }
    boolean kubernetes = conf.get("spark.master", "").startsWith("k8s");
    if (conf.get(DISCOVERY, "").isBlank()
        && conf.get("spark.resources.discoveryPlugin", "").isBlank()) {
      problems.add(
          "%s is not set, must be a script that executors can run, such as conf/gpu-discovery.sh%s"
              .formatted(DISCOVERY, kubernetes ? " inside the image" : ""));
    }
    return problems;
  }

  /** What to change where there are fewer slots with a GPU than ranks. */
  static String remedy(String master) {
    String standalone =
        "; standalone workers offer GPUs by spark.worker.resource.gpu.amount and"
            + " spark.worker.resource.gpu.discoveryScript";
    return ", or %s: each rank takes a GPU%s"
        .formatted(
            EXECUTOR_AMOUNT,
            master.startsWith("spark:") || master.startsWith("local-cluster") ? standalone : "");
  }

  /** One GPU for each task of training; tasks before it keep the default profile. */
  static ResourceProfile forTraining(SparkContext context) {
    TaskResourceRequests requests =
        new TaskResourceRequests().cpus(context.getConf().getInt(TASK_CPUS, 1)).resource("gpu", 1);
    return new ResourceProfileBuilder().require(requests).build();
  }
}
