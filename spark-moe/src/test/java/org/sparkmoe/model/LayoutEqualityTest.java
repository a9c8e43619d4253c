package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.collective.Communicator.Reduction;
import org.sparkmoe.moe.RoutingCounts;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** Losses, gradients and logits of any layout are those of one rank. */
class LayoutEqualityTest {
  private static final int GLOBAL_BATCH = 4;
  private static final int TOKENS = GLOBAL_BATCH * Models.LENGTH;
  private static final double TOLERANCE = 1e-10;

  /** What one rank has after a step; gradients are summed over replicas. */
  record Step(
      double loss,
      double auxLoss,
      List<Parameter> parameters,
      List<RoutingStats> routing,
      Tensor logits,
      ModelSize size) {}

  @ParameterizedTest
  @CsvSource({
    "GPT2, 2, 2, 1, 1",
    "GPT2, 4, 4, 4, 1",
    "GPT2, 4, 2, 2, 2",
    "GPT2, 4, 2, 1, 2",
    "GPT2, 4, 1, 4, 1",
    "MIXTRAL, 2, 2, 2, 1",
    "MIXTRAL, 4, 4, 2, 2",
    "MIXTRAL, 4, 4, 1, 4",
    "MIXTRAL, 4, 2, 2, 1",
    "MIXTRAL, 4, 1, 2, 2"
  })
  void everyLayoutComputesWhatOneRankDoes(
      Architecture architecture, int world, int mp, int ep, int esp) {
    ModelConfig config = Models.config(architecture, "1", architecture == Architecture.GPT2);
    Step one = Ranks.run(Topology.single(), groups -> step(config, groups)).get(0);
    Map<String, Tensor> expected = new HashMap<>();
    one.parameters.forEach(p -> expected.put(p.name(), p.value().grad()));

    List<Step> ranks =
        Ranks.run(new Topology(world, world, mp, ep, esp), groups -> step(config, groups));

    assertThat(ranks.stream().mapToDouble(Step::loss).sum()).isCloseTo(one.loss, within(TOLERANCE));
    assertThat(ranks.stream().mapToDouble(Step::auxLoss).sum())
        .isCloseTo(one.auxLoss, within(TOLERANCE));
    for (Step rank : ranks) {
      assertThat(largestDifference(rank.logits, one.logits)).isLessThan(TOLERANCE);
      assertThat(rank.parameters).hasSameSizeAs(one.parameters);
      for (Parameter parameter : rank.parameters) {
        Tensor whole = expected.get(parameter.name());
        assertThat(largestDifference(parameter.value().grad(), box(whole, parameter)))
            .as(parameter.name())
            .isLessThan(TOLERANCE);
      }
    }
  }

  /** A forward and backward pass of this rank's part of the global batch, in f64. */
  static Step step(ModelConfig config, RankGroups groups) {
    LanguageModel model = Models.create(config, groups, Precision.F64);
    Models.disturb(model);
    int batch = GLOBAL_BATCH / groups.dp().size();
    long shard = (long) batch * Models.LENGTH;
    long first = shard * groups.dp().rank() + shard / groups.mp().size() * groups.mp().rank();
    Tensor tokens =
        Models.tokens(GLOBAL_BATCH, Models.LENGTH + 1)
            .narrow(0, (long) batch * groups.dp().rank(), batch);
    SegmentTape tape = new SegmentTape();
    Forward forward = model.forward(tape, tokens, new StepContext(true, 5, 0, 0, 1, first, TOKENS));
    Tensor one = torch.ones_like(forward.auxLoss());
    tape.backward(
        new Tensor[] {forward.lossSum(), forward.auxLoss()},
        new Tensor[] {one.div(new Scalar((double) TOKENS)), one});
    for (Parameter parameter : model.parameters()) {
      replicas(groups, parameter).allReduce(parameter.value().grad(), Reduction.SUM).await();
    }
    return new Step(
        forward.lossSum().item_double() / TOKENS,
        forward.auxLoss().item_double(),
        model.parameters(),
        model.routingOfAllStages(RoutingCounts.read(forward.routing())),
        model.logits(Models.tokens(2, 5)),
        model.size());
  }

  private static Communicator replicas(RankGroups groups, Parameter parameter) {
    return switch (parameter.replication()) {
      case WORLD -> groups.stage();
      case DATA -> groups.dp();
      case EXPERT_DATA -> groups.edp();
      case PIPELINE_ENDS -> groups.pipeline().ends();
    };
  }

  static Tensor box(Tensor whole, Parameter parameter) {
    Tensor box = whole;
    for (int d = 0; d < parameter.offset().length; d++) {
      box = box.narrow(d, parameter.offset()[d], parameter.value().size(d));
    }
    return box;
  }

  static double largestDifference(Tensor a, Tensor b) {
    return a.sub(b).abs().max().item_double();
  }
}
