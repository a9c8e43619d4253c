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
 * Through leaders: the first rank of each node gathers what its node sends, exchanges it with the
 * other leaders, and scatters what came. One message between each two nodes, at the price of g
 * times the rows in one rank. The same as {@code direct} where no two ranks, or all of them, share
 * a node.
 */
public final class LeaderDispatch implements DispatchProvider {

  @Override
  public String name() {
    return "1dh";
  }

  @Override
  public String source() {
    return "Nie et al. 2022 (HetuMoE), hierarchical AlltoAll; FSMoE §3.1";
  }

  @Override
  public Dispatch create(RankGroups groups) {
    NodeSplit split = groups.epByNode();
    return split.hasTwoLevels()
        ? new Leaders(split.inside(), split.across())
        : new DirectDispatch().create(groups);
  }

  private record Leaders(Communicator inside, Communicator across) implements Dispatch {

    /**
     * What the ranks of a node send to, and get from, each rank of the group: {@code [g, N_EP]}.
     */
    private record NodeCounts(long[] sent, long[] received) {}

    @Override
    public void exchange(Tensor output, Tensor input) {
      long each = input.size(0) / ranks();
      long[] ofNode = new long[places() * ranks()];
      Arrays.fill(ofNode, each);
      run(output, input, new NodeCounts(ofNode, ofNode));
    }

    @Override
    public void exchange(Tensor output, Tensor input, long[] outputRows, long[] inputRows) {
      run(
          output,
          input,
          new NodeCounts(
              BlockCounts.gathered(inside, inputRows, input),
              BlockCounts.gathered(inside, outputRows, input)));
    }

    private void run(Tensor output, Tensor input, NodeCounts counts) {
      long[] sent = RowBlocks.sums(counts.sent, places());
      long[] received = RowBlocks.sums(counts.received, places());
      if (inside.rank() > 0) {
        Tensor nothing = input.narrow(0, 0, 0);
        inside.allToAll(nothing, input, new long[places()], leaderOnly(input.size(0))).await();
        inside.allToAll(output, nothing, leaderOnly(output.size(0)), new long[places()]).await();
        return;
      }
      Tensor gathered = rows(input, sent);
      inside.allToAll(gathered, input, sent, leaderOnly(input.size(0))).await();
      RowBlocks arrived = betweenLeaders(new RowBlocks(gathered, counts.sent), counts.received);
      inside.allToAll(output, arrived.rows(), leaderOnly(output.size(0)), received).await();
    }

    /**
     * @param gathered blocks [place, rank of the group]: from, to
     * @param received rows for each place of this node from each rank of the group
     * @return blocks [place, rank of the group]: to, from
     */
    private RowBlocks betweenLeaders(RowBlocks gathered, long[] received) {
      RowBlocks byNode = gathered.transposed(places(), nodes());
      long[] bySource = RowBlocks.transposed(received, places(), ranks());
      long[] fromNodes = RowBlocks.sums(bySource, nodes());
      Tensor arrived = rows(gathered.rows(), fromNodes);
      across.allToAll(arrived, byNode.rows(), fromNodes, byNode.sums(nodes())).await();
      return new RowBlocks(arrived, bySource).transposed(ranks(), places());
    }

    private long[] leaderOnly(long rows) {
      long[] counts = new long[places()];
      counts[0] = rows;
      return counts;
    }

    private static Tensor rows(Tensor like, long[] counts) {
      long[] size = like.sizes().vec().get();
      size[0] = Arrays.stream(counts).sum();
      return torch.empty(size, like.options(), null);
    }

    private int nodes() {
      return across.size();
    }

    private int places() {
      return inside.size();
    }

    private int ranks() {
      return nodes() * places();
    }
  }
}
