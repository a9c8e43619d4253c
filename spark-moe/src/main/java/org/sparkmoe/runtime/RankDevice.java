package org.sparkmoe.runtime;

import java.util.List;
import java.util.OptionalInt;
import org.apache.spark.TaskContext;
import org.bytedeco.pytorch.Device;
import org.sparkmoe.collective.CollectiveException;
import org.sparkmoe.collective.CommunicatorFactory;
import org.sparkmoe.collective.GlooWorld;
import org.sparkmoe.collective.NcclWorld;
import org.sparkmoe.collective.Rendezvous;
import org.sparkmoe.lane.CudaGpu;
import org.sparkmoe.topology.ClusterConfig;
import org.sparkmoe.train.MemoryPlan;

/**
 * The processor that a rank computes on, and how it reaches the others from there.
 *
 * @param gpu CUDA's number of its GPU; empty on the CPU
 */
record RankDevice(OptionalInt gpu) {

  /**
   * That of the task which runs on this thread.
   *
   * @throws PreflightException if Spark assigned no GPU that can be used
   */
  static RankDevice here(DeviceConfig config) {
    return switch (config.kind()) {
      case CPU -> new RankDevice(OptionalInt.empty());
      case CUDA -> new RankDevice(OptionalInt.of(GpuAssignment.of(TaskContext.get())));
    };
  }

  /** For libtorch. */
  Device device() {
    return new Device(gpu.isPresent() ? "cuda:" + gpu.getAsInt() : "cpu");
  }

  /**
   * Refuses what the GPU's memory cannot hold; see {@link MemoryLimit} for the CPU's.
   *
   * @throws IllegalArgumentException with all numbers
   */
  void check(MemoryPlan plan) {
    gpu.ifPresent(index -> plan.refuseBeyond(CudaGpu.of(index).memory(), "GPU " + index));
  }

  /**
   * Makes it the current one of the calling thread. Kernels of ours run on the current GPU,
   * wherever their tensors are, and NCCL connects from there.
   */
  void use() {
    gpu.ifPresent(index -> CudaGpu.of(index).use());
  }

  /**
   * Joins the other ranks, a collective call of them all.
   *
   * @param bindAddress where ranks on the CPU listen; NCCL chooses by NCCL_SOCKET_IFNAME
   * @throws PreflightException if CUDA or NCCL of some rank do not fit; says what to change
   * @throws CollectiveException if ranks on the CPU do not find each other
   */
  CommunicatorFactory join(
      int rank, ClusterConfig cluster, Rendezvous rendezvous, String bindAddress) {
    if (gpu.isEmpty()) {
      return GlooWorld.join(
          rank, cluster.ranks(), rendezvous, bindAddress, cluster.collectiveTimeout());
    }
    NcclWorld world = join(rank, cluster.ranks(), rendezvous);
    use();
    return world;
  }

  /** What keeps ranks from it is their machines' state, which another try does not change. */
  private NcclWorld join(int rank, int ranks, Rendezvous rendezvous) {
    try {
      return NcclWorld.join(rank, ranks, rendezvous, gpu.getAsInt());
    } catch (CollectiveException e) {
      throw new PreflightException(List.of(e.getMessage()));
    }
  }
}
