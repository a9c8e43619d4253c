package org.sparkmoe.benchmarks.testbed;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.Communicator.Handle;

class EmulatedClusterTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  @Test
  void realDataTravelsWhateverTheOrderInWhichHandlesAreAwaited() throws Exception {
    EmulatedLinks links = new EmulatedLinks(2, 1, new LinkSpeed(1, 8), new LinkSpeed(1, 8));
    ExecutorService ranks = Executors.newFixedThreadPool(2);
    try (EmulatedCluster cluster = new EmulatedCluster(2, links, TIMEOUT)) {
      List<Future<List<Float>>> results = new ArrayList<>();
      for (int rank = 0; rank < 2; rank++) {
        int r = rank;
        results.add(ranks.submit(() -> exchange(cluster, r)));
      }
      assertThat(results.get(0).get()).containsExactly(1f, 2f, 3f);
      assertThat(results.get(1).get()).containsExactly(1f, 2f, 3f);
    } finally {
      ranks.shutdownNow();
    }
  }

  /** What an AllGather and an AllReduce of each rank's number, from 1, bring. */
  private static List<Float> exchange(EmulatedCluster cluster, int rank) {
    Communicator group = cluster.factory(rank).create("world", List.of(0, 1), TIMEOUT);
    Tensor own = torch.ones(1).mul_(new Scalar(rank + 1f));
    Tensor sum = own.clone();
    Tensor gathered = torch.zeros(2);
    Handle gather = group.allGather(gathered, own);
    Handle reduce = group.allReduce(sum, Communicator.Reduction.SUM);
    reduce.await();
    gather.await();
    return List.of(
        gathered.select(0, 0).item_float(), gathered.select(0, 1).item_float(), sum.item_float());
  }
}
