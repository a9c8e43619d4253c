package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.aggregator.ArgumentsAccessor;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.Topology;

/** Losses, gradients, routing and logits of a pipeline are those of one rank. */
class PipelineEqualityTest {
  private static final double TOLERANCE = 1e-10;

  @ParameterizedTest
  @CsvSource({
    // architecture, tied, ranks, stages, mp, ep, esp, split
    "GPT2, true, 2, 2, 1, 1, 1, balanced",
    "GPT2, true, 3, 3, 1, 1, 1, balanced",
    "GPT2, false, 4, 2, 1, 2, 1, '3,1'",
    "GPT2, true, 4, 4, 1, 1, 1, '1,1,1,1'",
    "MIXTRAL, true, 4, 2, 2, 1, 2, '1,3'",
    "MIXTRAL, false, 4, 2, 1, 1, 1, balanced",
    "MIXTRAL, true, 6, 3, 2, 2, 1, '2,1,1'",
  })
  void everyPipelineComputesWhatOneRankDoes(ArgumentsAccessor arguments) {
    ModelConfig config =
        config(
            arguments.get(0, Architecture.class), arguments.getBoolean(1), arguments.getString(7));
    int ranks = arguments.getInteger(2);
    Topology topology =
        new Topology(
            ranks,
            ranks,
            arguments.getInteger(3),
            arguments.getInteger(4),
            arguments.getInteger(5),
            arguments.getInteger(6));
    LayoutEqualityTest.Step one =
        Ranks.run(Topology.single(), groups -> LayoutEqualityTest.step(config, groups)).get(0);

    List<LayoutEqualityTest.Step> steps =
        Ranks.run(topology, groups -> LayoutEqualityTest.step(config, groups));

    assertThat(sum(steps, LayoutEqualityTest.Step::loss)).isCloseTo(one.loss(), within(TOLERANCE));
    assertThat(sum(steps, LayoutEqualityTest.Step::auxLoss))
        .isCloseTo(one.auxLoss(), within(TOLERANCE));
    assertThat(names(steps)).isEqualTo(names(List.of(one)));
    for (LayoutEqualityTest.Step step : steps) {
      assertThat(LayoutEqualityTest.largestDifference(step.logits(), one.logits()))
          .isLessThan(TOLERANCE);
      assertThat(step.size()).isEqualTo(one.size());
      assertThat(step.routing())
          .extracting(RoutingStats::tokensPerExpert)
          .containsExactlyElementsOf(
              one.routing().stream().map(RoutingStats::tokensPerExpert).toList());
      assertGradients(step, one);
    }
  }

  private static void assertGradients(LayoutEqualityTest.Step step, LayoutEqualityTest.Step one) {
    Map<String, Tensor> expected = new HashMap<>();
    one.parameters().forEach(p -> expected.put(p.name(), p.value().grad()));
    for (Parameter parameter : step.parameters()) {
      Tensor whole = expected.get(parameter.name());
      assertThat(
              LayoutEqualityTest.largestDifference(
                  parameter.value().grad(), LayoutEqualityTest.box(whole, parameter)))
          .as(parameter.name())
          .isLessThan(TOLERANCE);
    }
  }

  @Test
  void everyStageHasItsOwnPartAndKnowsWhatIsElsewhere() {
    ModelConfig config = config(Architecture.GPT2, true, "3,1");
    List<LanguageModel> stages =
        Ranks.run(
            new Topology(2, 2, 2, 1, 1, 1), groups -> Models.create(config, groups, Precision.F64));

    LanguageModel first = stages.get(0);
    LanguageModel last = stages.get(1);
    assertThat(namesOf(first)).contains("embedding.token.weight", "layers.2.attention.qkv.weight");
    assertThat(namesOf(first)).noneMatch(name -> name.startsWith("layers.3"));
    assertThat(namesOf(last)).contains("embedding.token.weight", "final_norm.weight");
    assertThat(first.moeLayers()).hasSize(2);
    assertThat(last.moeLayers()).isEmpty();
    assertThat(namesOf(last)).noneMatch(last::isElsewhere);
    assertThat(namesOf(first)).noneMatch(first::isElsewhere);
    assertThat(last.isElsewhere("layers.2.attention.qkv.weight")).isTrue();
    assertThat(first.isElsewhere("final_norm.weight")).isTrue();
    assertThat(first.isElsewhere("layers.9.attention.qkv.weight")).isFalse();
  }

  @Test
  void splitsThatDoNotFitAreRefusedWithTheSettingToChange() {
    Topology three = new Topology(3, 3, 3, 1, 1, 1);

    assertThat(config(Architecture.GPT2, true, "3,1").layoutProblems(three))
        .containsExactly(
            "model.pipeline-split is \"3,1\", must have a number for each of the cluster.pp = 3"
                + " stages, not 2");
    assertThat(config(Architecture.GPT2, true, "3,1").layoutProblems(Topology.single())).isEmpty();
    assertThat(
            config(Architecture.GPT2, true, "balanced")
                .layoutProblems(new Topology(5, 5, 5, 1, 1, 1)))
        .containsExactly(
            "model.layers is \"4\", must be at least cluster.pp = 5: a block for each stage");
    assertThatThrownBy(() -> config(Architecture.GPT2, true, "3,2"))
        .hasMessage(
            "model.pipeline-split is \"3,2\", must be balanced, or a number of blocks for each"
                + " stage, such as \"3,2\", that add up to model.layers = 4");
  }

  private static ModelConfig config(Architecture architecture, boolean tied, String split) {
    ModelConfig c = Models.config(architecture, "1", tied);
    return new ModelConfig(
        architecture,
        4,
        c.hiddenSize(),
        c.heads(),
        c.kvHeads(),
        0,
        c.feedForwardSize(),
        c.maxSequenceLength(),
        c.ropeTheta(),
        c.normEpsilon(),
        tied,
        c.initStd(),
        "1,2",
        split);
  }

  private static double sum(
      List<LayoutEqualityTest.Step> steps, ToDoubleFunction<LayoutEqualityTest.Step> value) {
    return steps.stream().mapToDouble(value).sum();
  }

  private static Set<String> names(List<LayoutEqualityTest.Step> steps) {
    return steps.stream()
        .flatMap(step -> step.parameters().stream())
        .map(Parameter::name)
        .collect(Collectors.toSet());
  }

  private static List<String> namesOf(LanguageModel model) {
    return model.parameters().stream().map(Parameter::name).toList();
  }
}
