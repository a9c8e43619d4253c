package org.sparkmoe.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.InProcessWorld;

/** Messages between stages arrive, whatever the number of stages and the order of the calls. */
class PipelineGroupsTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void aRankHasALinkToEachNeighbouringStage(int stages) {
    int ranks = 2 * stages;
    inWorld(
        new Topology(ranks, ranks, stages, 1, 1, 1),
        all -> {
          for (int rank = 0; rank < ranks; rank++) {
            PipelineGroups groups = all.get(rank).pipeline();
            assertThat(groups.index()).isEqualTo(rank / 2);
            assertThat(groups.column().size()).isEqualTo(stages);
            assertThat(groups.previous().forward().size()).isEqualTo(groups.isFirst() ? 1 : 2);
            assertThat(groups.next().backward().size()).isEqualTo(groups.isLast() ? 1 : 2);
            boolean end = groups.isFirst() || groups.isLast();
            assertThat(groups.ends().size()).isEqualTo(end ? 4 : 1);
          }
        });
  }

  @Test
  void messagesOfBothDirectionsPassEachOther() {
    inWorld(
        new Topology(3, 3, 3, 1, 1, 1),
        all -> {
          PipelineGroups.Link earlier = all.get(0).pipeline().next();
          PipelineGroups.Link later = all.get(1).pipeline().previous();
          Tensor activation = torch.full(new long[] {2, 3}, new Scalar(1.5));
          Tensor gradient = torch.full(new long[] {2, 3}, new Scalar(-2.0));
          Tensor activationThere = torch.zeros(2, 3);
          Tensor gradientThere = torch.zeros(2, 3);

          List<Communicator.Handle> handles =
              List.of(
                  earlier.forward().broadcast(activation, PipelineGroups.Link.EARLIER),
                  later.backward().broadcast(gradient, PipelineGroups.Link.LATER),
                  earlier.backward().broadcast(gradientThere, PipelineGroups.Link.LATER),
                  later.forward().broadcast(activationThere, PipelineGroups.Link.EARLIER));
          handles.forEach(Communicator.Handle::await);

          assertThat(activationThere.equal(activation)).isTrue();
          assertThat(gradientThere.equal(gradient)).isTrue();
        });
  }

  /** Rank by rank on this thread: in one process, making groups waits for nobody. */
  private static void inWorld(Topology topology, Consumer<List<RankGroups>> body) {
    try (InProcessWorld world = InProcessWorld.of(topology.world(), TIMEOUT)) {
      IntFunction<RankGroups> rank = r -> RankGroups.create(topology, r, world.factory(r), TIMEOUT);
      body.accept(IntStream.range(0, topology.world()).mapToObj(rank).toList());
    }
  }
}
