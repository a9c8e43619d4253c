package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

class RoutingCountsTest {
  private static final Topology TWO = new Topology(2, 2, 1, 1, 1);

  private static MoeOutput forward(RankGroups groups, int layer) {
    MoeLayer experts =
        MoeLayer.create(
            "layers." + layer + ".moe",
            layer,
            new MoeConfigBuilder().build(),
            8,
            groups,
            ParameterInitializer.cpu(1 + layer, Precision.F32));
    torch.manual_seed(groups.rank());
    Tensor tokens = torch.randn(6, 8);
    StepContext context = new StepContext(false, 1, 0, 0, 1, 6L * groups.rank(), 12);
    return experts.forward(SegmentTape.withoutHistory(), tokens, context);
  }

  @Test
  void aForwardPassReadsNothingAndWaitsForNobody() {
    List<Boolean> ranks =
        Ranks.run(
            TWO,
            groups -> {
              try (TensorScope scope = TensorScope.open()) {
                // The other rank never comes: a sum over both would not end.
                return groups.rank() == 1 || forward(groups, 0).output().size(0) == 6;
              }
            });
    assertThat(ranks).containsExactly(true, true);
  }

  @Test
  void severalLayersAreReadAtOnceAndEachAsIfAlone() {
    List<List<RoutingStats>> ranks =
        Ranks.run(
            TWO,
            groups -> {
              try (TensorScope scope = TensorScope.open()) {
                MoeOutput first = forward(groups, 0);
                MoeOutput second = forward(groups, 1);
                List<RoutingStats> both =
                    RoutingCounts.read(List.of(first.routing(), second.routing()));
                assertThat(List.of(first.stats(), second.stats()))
                    .usingRecursiveComparison()
                    .isEqualTo(both);
                return both;
              }
            });
    assertThat(ranks.get(1)).usingRecursiveComparison().isEqualTo(ranks.get(0));
    assertThat(RoutingCounts.read(List.of())).isEmpty();
  }
}
