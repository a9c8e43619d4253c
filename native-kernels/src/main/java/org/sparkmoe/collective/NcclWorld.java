package org.sparkmoe.collective;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.lane.CudaGpu;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.tensor.TensorScope;

/**
 * All ranks of a job with a GPU each. Every group gets a NCCL communicator and a stream of its own,
 * so that intra-node, inter-node and gradient traffic do not wait for each other. What ranks must
 * tell each other before they are connected goes through the {@link Rendezvous}.
 */
public final class NcclWorld implements CommunicatorFactory {
  private final int rank;
  private final Rendezvous rendezvous;
  private final Gpu gpu;
  private final Nccl nccl;
  private final Tensor device;
  private final NcclWatch watch = new NcclWatch();
  private final List<Communicator> made = new CopyOnWriteArrayList<>();

  NcclWorld(int rank, Rendezvous rendezvous, Gpu gpu, Nccl nccl, Tensor device) {
    this.rank = rank;
    this.rendezvous = rendezvous;
    this.gpu = gpu;
    this.nccl = nccl;
    this.device = TensorScope.keep(new Tensor(device));
  }

  /**
   * Joins the world, a collective call of all its ranks.
   *
   * @param rank of this process
   * @param size of the world
   * @param rendezvous of the world
   * @param gpuIndex among the GPUs that this process sees
   * @throws CollectiveException if CUDA or NCCL cannot be loaded on some rank, their versions
   *     differ, or two ranks have the same GPU; it says what to change
   */
  public static NcclWorld join(int rank, int size, Rendezvous rendezvous, int gpuIndex) {
    NcclPeer mine = NcclPeer.here(gpuIndex);
    NcclPeer.check(rank, size, rendezvous.allGather(mine.text()));
    try (TensorScope scope = TensorScope.open()) {
      TensorOptions options = new TensorOptions(new Device("cuda:" + gpuIndex));
      Tensor cell = torch.zeros(new long[] {1}, options);
      return new NcclWorld(rank, rendezvous, CudaGpu.of(gpuIndex), new BoundNccl(), cell);
    }
  }

  /**
   * {@inheritDoc}
   *
   * <p>The first rank of each group makes its id.
   */
  @Override
  public Communicator create(String groupName, List<Integer> worldRanks, Duration timeout) {
    GroupMember member = GroupMember.of(groupName, worldRanks, rank, timeout);
    List<String> ids = rendezvous.allGather(member.index() == 0 ? nccl.uniqueId() : "");
    String id = ids.get(worldRanks.get(0));
    Nccl.Link link = nccl.connect(id, member.index(), member.size());
    Communicator communicator = new NcclCommunicator(member, gpu, link, device, watch);
    made.add(communicator);
    return communicator;
  }

  @Override
  public void close() {
    made.forEach(Communicator::close);
    watch.close();
    TensorScope.release(device);
  }
}
