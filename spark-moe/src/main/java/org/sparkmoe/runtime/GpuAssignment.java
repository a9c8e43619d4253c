package org.sparkmoe.runtime;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/**
 * Which GPU a rank has: the one that Spark assigned to its task.
 *
 * <p>CUDA counts the GPUs that {@code CUDA_VISIBLE_DEVICES} leaves to the process, from 0. Spark's
 * addresses come from the discovery script; ours, {@code conf/gpu-discovery.sh}, prints the entries
 * of that variable if it is set, and the driver's numbers otherwise.
 */
final class GpuAssignment {
  private static final String RESOURCE = "gpu";

  private GpuAssignment() {}

  /** For the task that runs on this thread. */
  static int of(TaskContext task) {
    Map<String, ResourceInformation> resources = task.resourcesJMap();
    Optional<List<String>> addresses =
        Optional.ofNullable(resources.get(RESOURCE)).map(gpu -> List.of(gpu.addresses()));
    return index(
        addresses, Optional.ofNullable(System.getenv("CUDA_VISIBLE_DEVICES")), task.partitionId());
  }

  /**
   * CUDA's number of the GPU.
   *
   * @param addresses that Spark assigned; empty in local mode, which knows no resources
   * @param visible {@code CUDA_VISIBLE_DEVICES}
   * @param partition of the task, which picks the GPU in local mode
   * @throws PreflightException if there is not exactly one GPU, or it is hidden from this process
   */
  static int index(Optional<List<String>> addresses, Optional<String> visible, int partition) {
    if (addresses.isEmpty()) {
      return partition;
    }
    List<String> assigned = addresses.get();
    if (assigned.size() != 1) {
      throw new PreflightException(
          List.of(
              "a rank got the GPUs %s, must get one: set spark.task.resource.gpu.amount to 1"
                  .formatted(assigned)));
    }
    String address = assigned.get(0);
    return visible.isPresent() ? among(visible.get(), address) : number(address);
  }

  private static int among(String visible, String address) {
    List<String> entries = Arrays.stream(visible.split(",")).map(String::trim).toList();
    int index = entries.indexOf(address);
    if (index < 0) {
      throw new PreflightException(
          List.of(
              ("Spark assigned GPU %s, which CUDA_VISIBLE_DEVICES=%s hides from the executor: use"
                      + " conf/gpu-discovery.sh as"
                      + " spark.executor.resource.gpu.discoveryScript, or unset the variable")
                  .formatted(address, visible)));
    }
    return index;
  }

  private static int number(String address) {
    if (!address.matches("\\d{1,4}")) {
      throw new PreflightException(
          List.of(
              ("Spark assigned GPU %s, must be a number from 0 while CUDA_VISIBLE_DEVICES is not"
                      + " set: see spark.executor.resource.gpu.discoveryScript")
                  .formatted(address)));
    }
    return Integer.parseInt(address);
  }
}
