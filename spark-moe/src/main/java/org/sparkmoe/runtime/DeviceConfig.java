package org.sparkmoe.runtime;

import java.io.Serializable;

/**
 * Where ranks compute; keys {@code device.*}.
 *
 * @param kind {@code cpu}, or {@code cuda} for a GPU to each rank
 * @param memoryLimit bytes that a rank may use, 0 for what the device has
 * @param peakTflops 10¹² operations a second that it does at best, 0 for what is measured
 */
public record DeviceConfig(Kind kind, long memoryLimit, double peakTflops) implements Serializable {
  /** What does the work. */
  public enum Kind {
    CPU,
    CUDA
  }

  /** On the CPU, with what memory there is. */
  static DeviceConfig cpu() {
    return new DeviceConfig(Kind.CPU, 0, 0);
  }

  /**
   * @throws IllegalArgumentException if a value is invalid
   */
  public DeviceConfig {
    if (memoryLimit < 0) {
      throw new IllegalArgumentException(
          "device.memory-limit is %d, must be 0 or a number of bytes".formatted(memoryLimit));
    }
    if (!(peakTflops >= 0 && Double.isFinite(peakTflops))) {
      throw new IllegalArgumentException(
          "device.peak-tflops is %s, must be 0 or the device's TFLOP/s".formatted(peakTflops));
    }
  }
}
