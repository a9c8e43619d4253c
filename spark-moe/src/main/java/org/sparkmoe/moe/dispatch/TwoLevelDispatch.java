package org.sparkmoe.moe.dispatch;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.moe.Dispatch;
import org.sparkmoe.moe.DispatchProvider;
import org.sparkmoe.topology.NodeSplit;
import org.sparkmoe.topology.RankGroups;

/**
 * Inside the node first, then between nodes: a rank hands each row to the rank of its own node that
 * has the destination's place, which then sends to every node at once what all ranks of its node
 * have for it. Messages between nodes are as many times fewer and larger as a node holds ranks of
 * the group. The same as {@code direct} where no two ranks, or all of them, share a node.
 */
public final class TwoLevelDispatch implements DispatchProvider {

  @Override
  public String name() {
    return "2dh";
  }

  @Override
  public String source() {
    return "Hwang et al. 2023 (Tutel), 2DH AlltoAll; Rajbhandari et al. 2022 (DeepSpeed-MoE)";
  }

  @Override
  public Dispatch create(RankGroups groups) {
    NodeSplit split = groups.epByNode();
    return split.hasTwoLevels()
        ? new TwoLevels(split.inside(), split.across())
        : new DirectDispatch().create(groups);
  }

  private record TwoLevels(Communicator inside, Communicator across) implements Dispatch {

    @Override
    public void exchange(Tensor output, Tensor input) {
      long[] counts = BlockCounts.even(input, nodes() * places());
      RowBlocks byPlace = new RowBlocks(input, counts).transposed(nodes(), places());
      run(output, byPlace, counts, counts);
    }

    @Override
    public void exchange(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
      RowBlocks byPlace = new RowBlocks(input, inputRows).transposed(nodes(), places());
      long[] fromNode = BlockCounts.exchanged(inside, byPlace.counts(), input);
      run(output, byPlace, fromNode, outputRows);
    }

    /**
     * @param byPlace blocks [place, node] by destination
     * @param fromNode rows that come from each rank of this node for each node
     * @param outputRows rows that come from each rank of the group
     */
    private void run(Tensor output, RowBlocks byPlace, long[] fromNode, long[] outputRows) {
      long[] arriving = RowBlocks.sums(fromNode, places());
      long[] size = byPlace.rows().sizes().vec().get();
      size[0] = Arrays.stream(arriving).sum();
      Tensor onPlace = torch.empty(size, output.options(), null);
      inside.allToAll(onPlace, byPlace.rows(), arriving, byPlace.sums(places())).await();
      RowBlocks byNode = new RowBlocks(onPlace, fromNode).transposed(places(), nodes());
      across
          .allToAll(
              output, byNode.rows(), RowBlocks.sums(outputRows, nodes()), byNode.sums(nodes()))
          .await();
    }

    private int nodes() {
      return across.size();
    }

    private int places() {
      return inside.size();
    }
  }
}
