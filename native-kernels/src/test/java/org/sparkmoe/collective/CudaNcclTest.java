package org.sparkmoe.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.cuda.WarningState;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch_cuda;
import org.bytedeco.pytorch.global.torch_cuda.SyncDebugMode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.lane.CudaGpu;
import org.sparkmoe.lane.Event;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.lane.StreamLane;

/** NCCL itself, with the one rank that one GPU allows. */
@Tag("cuda")
class CudaNcclTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  private NcclWorld world;

  @BeforeEach
  void join() {
    world = NcclWorld.join(0, 1, List::of, 0);
  }

  @AfterEach
  void leave() {
    world.close();
  }

  private static Tensor numbers(long... shape) {
    return torch.randn(shape).to(new Device("cuda"), torch.ScalarType.Float);
  }

  @Test
  void severalCommunicatorsOfOneProcessDoEveryOperation() {
    for (String name : List.of("ep", "esp", "gradient")) {
      Communicator alone = world.create(name, List.of(0), TIMEOUT);
      Tensor input = numbers(4, 3);
      Tensor output = torch.zeros_like(input);
      alone.allToAll(output, input).await();
      assertThat(output.equal(input)).isTrue();
      output.zero_();
      alone.allToAll(output, input, new long[] {4}, new long[] {4}).await();
      assertThat(output.equal(input)).isTrue();
      output.zero_();
      alone.allGather(output, input).await();
      assertThat(output.equal(input)).isTrue();
      output.zero_();
      alone.reduceScatter(output, input).await();
      alone.allReduce(output, Reduction.SUM).await();
      alone.broadcast(output, 0).await();
      alone.barrier().await();
      assertThat(output.equal(input)).isTrue();
    }
  }

  @Test
  void lanesAndCommunicatorsNeverLetTheHostWaitWithinAStep() {
    Communicator alone = world.create("ep", List.of(0), TIMEOUT);
    Gpu gpu = CudaGpu.of(0);
    Tensor input = numbers(256, 256);
    Tensor output = torch.zeros_like(input);
    Tensor product = torch.zeros_like(input);
    WarningState syncs = torch_cuda.warning_state();
    try (StreamLane compute = new StreamLane("compute", gpu, Gpu.Priority.NORMAL);
        StreamLane network = new StreamLane("network", gpu, Gpu.Priority.HIGH)) {
      torch_cuda.device_synchronize();
      // From now on libtorch throws where it would wait for the GPU.
      syncs.set_sync_debug_mode(SyncDebugMode.L_ERROR);
      Event dispatch = network.submit(() -> alone.allToAll(output, input).await(), List.of());
      Event expert = compute.submit(() -> torch.mm_out(product, output, output), List.of(dispatch));
      syncs.set_sync_debug_mode(SyncDebugMode.L_DISABLED);
      expert.await();
    }
    assertThat(product.allclose(input.mm(input), 1e-4, 1e-3, false)).isTrue();
  }

  @Test
  void tensorsOfTheHostAreCarriedThereAndBack() {
    Communicator alone = world.create("world", List.of(0), TIMEOUT);
    Tensor counts = Tensor.create(new long[] {3, 4});
    alone.allReduce(counts, Reduction.MAX).await();
    assertThat(counts.equal(Tensor.create(new long[] {3, 4}))).isTrue();
  }

  @Test
  void anAbortedCommunicatorRefusesFurtherOperations() {
    Communicator alone = world.create("ep", List.of(0), TIMEOUT);
    alone.abort("the task was killed");
    assertThatThrownBy(() -> alone.allReduce(numbers(3), Reduction.SUM))
        .isInstanceOf(CollectiveException.class)
        .hasMessageContaining("the task was killed");
  }
}
