package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.sparkmoe.runtime.DeviceConfig.Kind;

class MemoryLimitTest {
  private static final DeviceConfig CUDA = new DeviceConfig(Kind.CUDA, 0, 0);

  @Test
  void theConfiguredLimitCountsEverywhere() {
    DeviceConfig limited = new DeviceConfig(Kind.CPU, 1000, 0);
    for (boolean local : new boolean[] {true, false}) {
      assertThat(MemoryLimit.of(limited, local, 2))
          .contains(new MemoryLimit(1000, "device.memory-limit"));
    }
  }

  @Test
  void ranksOfThisProcessShareTheMemoryOfTheMachine() {
    long one = MemoryLimit.of(DeviceConfig.cpu(), true, 1).orElseThrow().bytes();
    assertThat(one).isGreaterThan(Runtime.getRuntime().totalMemory());
    assertThat(MemoryLimit.of(DeviceConfig.cpu(), true, 4))
        .contains(new MemoryLimit(one / 4, "the memory of this machine"));
  }

  @Test
  void memoryOfExecutorsAndGpusIsNotTheDriversToKnow() {
    assertThat(MemoryLimit.of(DeviceConfig.cpu(), false, 2)).isEqualTo(Optional.empty());
    assertThat(MemoryLimit.of(CUDA, true, 2)).isEqualTo(Optional.empty());
  }
}
