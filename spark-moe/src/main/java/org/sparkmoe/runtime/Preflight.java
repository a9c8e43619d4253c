package org.sparkmoe.runtime;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.resource.ResourceProfile;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.topology.ClusterConfig;

/**
 * What can be known before the stage starts. Spark itself refuses too few slots after 40 tries in
 * ten minutes only (SPARK-24819).
 */
final class Preflight {
  private static final Duration POLL = Duration.ofMillis(200);

  private final SparkContext context;
  private final ClusterConfig cluster;
  private final DeviceConfig device;
  private final ProgressListener progress;
  private @Nullable ResourceProfile profile;

  Preflight(
      SparkContext context, ClusterConfig cluster, DeviceConfig device, ProgressListener progress) {
    this.context = context;
    this.cluster = cluster;
    this.device = device;
    this.progress = progress;
  }

  /**
   * Returns when the job can start.
   *
   * @param conf what Spark runs with
   * @throws PreflightException if dynamic allocation is on, or there are fewer slots than ranks
   *     after {@code cluster.start-timeout}
   */
  void check(SparkConf conf) {
    List<String> problems = new ArrayList<>();
    if (conf.getBoolean("spark.dynamicAllocation.enabled", false)) {
      problems.add(
          "spark.dynamicAllocation.enabled is true, must be false: a barrier stage needs executors"
              + " that stay (SPARK-24942); set it, and spark.executor.instances");
    }
    if (device.kind() == DeviceConfig.Kind.CUDA) {
      problems.addAll(
          context.isLocal()
              ? Installation.inspect().problemsOnGpus(cluster.ranks())
              : GpuResources.problems(conf, cluster.ranks()));
    }
    if (!problems.isEmpty()) {
      throw new PreflightException(problems);
    }
    int slots = awaitSlots();
    if (slots < cluster.ranks()) {
      throw new PreflightException(List.of(tooFew(slots, conf)));
    }
    ClearTraffic.warning(conf, device, cluster.ranks(), context.isLocal())
        .ifPresent(warning -> progress.warned(0, warning));
  }

  /** Why {@code slots} are too few for any layout of the ranks. */
  PreflightException refusal(int slots) {
    return new PreflightException(List.of(tooFew(slots, context.getConf())));
  }

  /** What a training task asks for. Spark takes it only where executors have GPUs. */
  private ResourceProfile profile() {
    if (profile == null) {
      if (device.kind() == DeviceConfig.Kind.CPU || context.isLocal()) {
        profile = context.resourceProfileManager().defaultResourceProfile();
      } else {
        profile = GpuResources.forTraining(context);
        context.resourceProfileManager().addResourceProfile(profile);
      }
    }
    return profile;
  }

  /** Waits for as many as there are ranks, up to {@code cluster.start-timeout}; what there are. */
  int awaitSlots() {
    long start = System.nanoTime();
    long told = 0;
    int slots = slots();
    while (slots < cluster.ranks() && !context.isLocal()) {
      Duration waited = Duration.ofNanos(System.nanoTime() - start);
      if (waited.compareTo(cluster.startTimeout()) >= 0) {
        break;
      }
      if (waited.toSeconds() > told) {
        told = waited.toSeconds();
        progress.waiting(
            "executors: %d of %d slots are there".formatted(slots, cluster.ranks()), waited);
      }
      LockSupport.parkNanos(POLL.toNanos());
      slots = slots();
    }
    return slots;
  }

  private int slots() {
    return context.maxNumConcurrentTasks(profile());
  }

  private String tooFew(int slots, SparkConf conf) {
    String master = context.master();
    String remedy =
        context.isLocal()
            ? "set spark.master to local[%d]".formatted(cluster.ranks())
            : "raise spark.executor.instances, spark.executor.cores or spark.cores.max"
                + (device.kind() == DeviceConfig.Kind.CUDA ? GpuResources.remedy(master) : "");
    return "cluster.ranks is %d, must be at most the %d tasks that %s runs at once"
            .formatted(cluster.ranks(), slots, master)
        + " (spark.task.cpus is %s): lower it, or %s"
            .formatted(conf.get("spark.task.cpus", "1"), remedy);
  }
}
