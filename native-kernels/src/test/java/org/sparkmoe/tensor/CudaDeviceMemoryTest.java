package org.sparkmoe.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.cuda.WarningState;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;
import org.bytedeco.pytorch.global.torch_cuda.SyncDebugMode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What libtorch itself says of who waits for a GPU. */
@Tag("cuda")
class CudaDeviceMemoryTest {
  private static final Device GPU = new Device("cuda:0");

  @Test
  void valuesOfTheHostArriveAndNobodyWaitsForThem() {
    Tensor onHost = Tensor.create(new long[] {7, -1, 1L << 40}, 3, 1);
    WarningState syncs = torch_cuda.warning_state();
    // Until it is switched off, libtorch throws where it would wait.
    syncs.set_sync_debug_mode(SyncDebugMode.L_ERROR);
    Tensor there;
    Tensor sum;
    try {
      there = DeviceMemory.copied(onHost, GPU, ScalarType.Long);
      sum = there.add(DeviceMemory.filled(2, GPU, ScalarType.Long, 3, 1));
      assertThatThrownBy(() -> HostReads.longs(there)).isInstanceOf(RuntimeException.class);
    } finally {
      syncs.set_sync_debug_mode(SyncDebugMode.L_DISABLED);
    }
    assertThat(there.is_cuda()).isTrue();
    assertThat(HostReads.longs(sum)).containsExactly(9, 1, (1L << 40) + 2);
  }
}
