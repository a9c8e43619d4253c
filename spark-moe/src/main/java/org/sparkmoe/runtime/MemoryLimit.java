package org.sparkmoe.runtime;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Optional;

/**
 * What a rank may use as far as the driver knows. A GPU's memory is known where the rank runs, and
 * that of a cluster's machines and containers is not ours to know.
 *
 * @param bytes for one rank
 * @param source of that number, for messages
 */
record MemoryLimit(long bytes, String source) {

  /**
   * {@code device.memory-limit} or, where all ranks run in this process on the CPU, their share of
   * what the machine or its container has, swap included.
   *
   * @param local whether Spark is local
   */
  static Optional<MemoryLimit> of(DeviceConfig device, boolean local, int ranks) {
    if (device.memoryLimit() > 0) {
      return Optional.of(new MemoryLimit(device.memoryLimit(), "device.memory-limit"));
    }
    if (!local || device.kind() == DeviceConfig.Kind.CUDA) {
      return Optional.empty();
    }
    OperatingSystemMXBean machine =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long all = machine.getTotalMemorySize() + machine.getTotalSwapSpaceSize();
    return Optional.of(new MemoryLimit(all / ranks, "the memory of this machine"));
  }
}
