package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class GpuAssignmentTest {
  private static int index(String visible, String... addresses) {
    return GpuAssignment.index(Optional.of(List.of(addresses)), Optional.ofNullable(visible), 7);
  }

  @Test
  void withoutCudaVisibleDevicesAddressesAreCudasNumbers() {
    assertThat(index(null, "3")).isEqualTo(3);
  }

  @Test
  void cudaCountsWithinCudaVisibleDevices() {
    assertThat(index("2, 5", "5")).isEqualTo(1);
    assertThat(index("GPU-1a,GPU-2b", "GPU-2b")).isEqualTo(1);
  }

  @Test
  void localModeHasNoResourcesAndTakesThePartition() {
    assertThat(GpuAssignment.index(Optional.empty(), Optional.of("4,5"), 1)).isEqualTo(1);
  }

  @Test
  void anythingButOneVisibleGpuIsRefused() {
    assertThatThrownBy(() -> index("2,5", "0"))
        .isInstanceOf(PreflightException.class)
        .hasMessageContaining("Spark assigned GPU 0, which CUDA_VISIBLE_DEVICES=2,5 hides");
    assertThatThrownBy(() -> index(null, "0", "1"))
        .hasMessageContaining("a rank got the GPUs [0, 1], must get one")
        .hasMessageContaining("spark.task.resource.gpu.amount");
    assertThatThrownBy(() -> index(null, "GPU-1a"))
        .hasMessageContaining("Spark assigned GPU GPU-1a, must be a number");
  }
}
