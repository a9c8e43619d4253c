package org.sparkmoe.moe.dispatch;

import org.bytedeco.pytorch.Tensor;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.moe.Dispatch;
import org.sparkmoe.moe.DispatchProvider;
import org.sparkmoe.topology.RankGroups;

/** Every rank sends to every other: the transport's own AlltoAll. */
public final class DirectDispatch implements DispatchProvider {

  @Override
  public String name() {
    return "direct";
  }

  @Override
  public String source() {
    return "FSMoE §3.1 (NCCL AlltoAll)";
  }

  @Override
  public Dispatch create(RankGroups groups) {
    return new Direct(groups.ep());
  }

  private record Direct(Communicator ep) implements Dispatch {

    @Override
    public void exchange(Tensor output, Tensor input) {
      ep.allToAll(output, input).await();
    }

    @Override
    public void exchange(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
      ep.allToAll(output, input, outputRows, inputRows).await();
    }
  }
}
