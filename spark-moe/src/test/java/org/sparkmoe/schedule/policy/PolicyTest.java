package org.sparkmoe.schedule.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.cost.Testbed;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.sim.Simulator;

class PolicyTest {
  private static final int MAX_DEGREE = 16;
  private static final Policy BEST_IN_TRAINING = PolicyName.BEST.executable(MAX_DEGREE);
  private static final Testbed TESTBED = Testbed.read(Path.of("../conf/testbeds/b.conf"));

  /** Three layers, so that gradients flow past a layer. */
  @ParameterizedTest
  @EnumSource
  void theGraphsAreTheGoldenOnes(PolicyName name) throws IOException {
    LayerShape shape = new LayerShape(2, 8, 512, 1024, 3072, 2.4, ExpertType.SIMPLE);
    StepPlan plan = plan(name, shape, 3);
    assertThat(plan.forward() + "\n" + plan.backward()).isEqualTo(golden(name.toString()));
  }

  private static String golden(String name) throws IOException {
    try (InputStream in = PolicyTest.class.getResourceAsStream(name + ".txt")) {
      assertThat(in).as("golden text of " + name).isNotNull();
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void whatTrainingRunsOnChunksOfSequencesIsTheGoldenGraph() throws IOException {
    LayerShape shape = new LayerShape(8, 8, 512, 1024, 3072, 2.4, ExpertType.SIMPLE);
    StepPlan plan = onSequences(shape, new FlowLimits(4, 4, false), 2);
    assertThat(plan.flowsThroughBlocks()).isTrue();
    assertThat(plan.forward() + "\n" + plan.backward()).isEqualTo(golden("best-on-sequences"));
  }

  private static StepPlan onSequences(LayerShape shape, FlowLimits limits, int layers) {
    return PolicyName.BEST
        .executable(MAX_DEGREE, limits)
        .plan(Collections.nCopies(layers, TESTBED.workload(shape)), TESTBED.models(shape));
  }

  @Property(tries = 60)
  void everyPolicyDoesAllTheWork(@ForAll("shapes") LayerShape shape) {
    LayerWorkload layer = TESTBED.workload(shape);
    for (PolicyName name : PolicyName.values()) {
      StepPlan plan = plan(name, shape, 4);
      assertThat(work(plan, TaskKind.DISPATCH)).isCloseTo(8 * layer.allToAll(), within(1e-3));
      assertThat(work(plan, TaskKind.ALL_GATHER)).isCloseTo(8 * layer.intraNode(), within(1e-3));
      assertThat(work(plan, TaskKind.MP_REDUCE_SCATTER))
          .isCloseTo(8 * layer.modelParallel(), within(1e-3));
      assertThat(work(plan, TaskKind.EXPERT)).isCloseTo(4 * layer.expert(), within(1e3));
      assertThat(
              work(plan, TaskKind.EXPERT_BACKWARD)
                  + work(plan, TaskKind.EXPERT_INPUT_GRADIENT) / 2
                  + work(plan, TaskKind.EXPERT_WEIGHT_GRADIENT) / 2)
          .isCloseTo(4 * layer.expert(), within(1e3));
      assertThat(work(plan, TaskKind.GRADIENT_ALL_REDUCE))
          .as("gradients of " + name)
          .isCloseTo(4 * layer.gradient(), within(1e-3));
    }
  }

  private static double work(StepPlan plan, TaskKind kind) {
    return Stream.concat(plan.forward().tasks().stream(), plan.backward().tasks().stream())
        .filter(task -> task.kind() == kind)
        .mapToDouble(Task::workload)
        .sum();
  }

  @Property(tries = 60)
  void bestIsNeverSlowerThanFsmoe(@ForAll("shapes") LayerShape shape) {
    CostModels costs = TESTBED.models(shape);
    assertThat(plan(PolicyName.BEST, shape, 4).time(costs))
        .isLessThanOrEqualTo(plan(PolicyName.FSMOE, shape, 4).time(costs) + 1e-9);
  }

  @Property(tries = 60)
  void whatTrainingRunsForBestDoesAllTheWorkAndIsNeverSlowerThanFsmoe(
      @ForAll("shapes") LayerShape shape) {
    CostModels costs = TESTBED.models(shape);
    LayerWorkload layer = TESTBED.workload(shape);
    StepPlan best = BEST_IN_TRAINING.plan(Collections.nCopies(4, layer), costs);
    assertThat(best.time(costs))
        .isLessThanOrEqualTo(plan(PolicyName.FSMOE, shape, 4).time(costs) + 1e-9);
    assertThat(
            work(best, TaskKind.EXPERT_BACKWARD)
                + work(best, TaskKind.EXPERT_INPUT_GRADIENT) / 2
                + work(best, TaskKind.EXPERT_WEIGHT_GRADIENT) / 2)
        .isCloseTo(4 * layer.expert(), within(1e3));
    assertThat(work(best, TaskKind.COMBINE)).isCloseTo(8 * layer.allToAll(), within(1e-3));
    assertThat(work(best, TaskKind.GRADIENT_ALL_REDUCE))
        .isCloseTo(4 * layer.gradient(), within(1e-3));
  }

  @Property(tries = 60)
  void chunksOfSequencesDoAllTheWorkAndAreNeverSlowerThanFsmoe(
      @ForAll("shapes") LayerShape shape, @ForAll("limits") FlowLimits limits) {
    LayerWorkload layer = TESTBED.workload(shape);
    CostModels costs = TESTBED.models(shape);
    StepPlan best = onSequences(shape, limits, 4);
    assertThat(best.time(costs))
        .isLessThanOrEqualTo(plan(PolicyName.FSMOE, shape, 4).time(costs) + 1e-9)
        .isLessThanOrEqualTo(
            BEST_IN_TRAINING.plan(Collections.nCopies(4, layer), costs).time(costs) + 1e-9);
    assertThat(work(best, TaskKind.ATTENTION)).isCloseTo(4 * layer.attention(), within(1e3));
    assertThat(work(best, TaskKind.MP_ALL_GATHER))
        .isCloseTo(8 * layer.modelParallel(), within(1e-3));
    assertThat(work(best, TaskKind.COMBINE)).isCloseTo(8 * layer.allToAll(), within(1e-3));
    assertThat(work(best, TaskKind.GRADIENT_ALL_REDUCE))
        .isCloseTo(4 * layer.gradient(), within(1e-3));
    int attentions = chunks(best.forward(), "f0.attention.");
    assertThat(limits.sequences() % attentions).isZero();
    if (best.flowsThroughBlocks() && limits.sameDegrees()) {
      assertThat(chunks(best.backward(), "b0.attention.")).isEqualTo(attentions);
    }
  }

  private static int chunks(TaskGraph graph, String prefix) {
    return Math.max(
        1, (int) graph.tasks().stream().filter(task -> task.id().startsWith(prefix)).count());
  }

  @Provide
  Arbitrary<FlowLimits> limits() {
    return Arbitraries.of(
        new FlowLimits(4, 4, false),
        new FlowLimits(8, 2, true),
        new FlowLimits(6, 1, true),
        new FlowLimits(1, 1, false));
  }

  @Test
  void whatTrainingRunsForBestLetsWeightGradientsWaitForTheWayBack() {
    LayerShape shape = new LayerShape(4, 8, 1024, 4096, 16384, 2.4, ExpertType.MIXTRAL);
    CostModels costs = TESTBED.models(shape);
    StepPlan best = BEST_IN_TRAINING.plan(List.of(TESTBED.workload(shape)), costs);
    assertThat(work(best, TaskKind.EXPERT_WEIGHT_GRADIENT)).isPositive();
    assertThat(best.time(costs)).isLessThan(plan(PolicyName.FSMOE, shape, 1).time(costs));
  }

  /** A profile may find that a link starts at no cost; slices must not get ever smaller then. */
  @Property(tries = 20)
  void bestEndsOnLinksWithoutStartUp(@ForAll("shapes") LayerShape shape) {
    CostModels costs = TESTBED.models(shape);
    CostModels free =
        new CostModels(
            costs.allToAll(),
            costs.allGather(),
            costs.reduceScatter(),
            new CostModel(0, costs.allReduce().beta()),
            costs.expert(),
            costs.attention());
    LayerWorkload layer = TESTBED.workload(shape);
    StepPlan plan = PolicyName.BEST.policy(MAX_DEGREE).plan(List.of(layer, layer), free);
    assertThat(work(plan, TaskKind.GRADIENT_ALL_REDUCE))
        .isCloseTo(2 * layer.gradient(), within(1e-3));
  }

  @Property(tries = 60)
  void overlapNeverLosesAgainstOneTaskAfterAnother(@ForAll("shapes") LayerShape shape) {
    CostModels costs = TESTBED.models(shape);
    for (PolicyName name : PolicyName.values()) {
      TaskGraph backward = plan(name, shape, 4).backward();
      assertThat(Simulator.ideal(costs).makespan(backward))
          .isLessThanOrEqualTo(backward.tasks().stream().mapToDouble(costs::time).sum() + 1e-9);
    }
  }

  private static StepPlan plan(PolicyName name, LayerShape shape, int layers) {
    List<LayerWorkload> stack = Collections.nCopies(layers, TESTBED.workload(shape));
    return name.policy(MAX_DEGREE).plan(stack, TESTBED.models(shape));
  }

  @Provide
  Arbitrary<LayerShape> shapes() {
    return Combinators.combine(
            Arbitraries.of(1, 2, 4),
            Arbitraries.of(256, 512, 1024),
            Arbitraries.of(1024, 2048, 4096),
            Arbitraries.of(2, 3, 4),
            Arbitraries.of(1.0, 1.2, 2.4),
            Arbitraries.of(ExpertType.class))
        .as(
            (batch, sequence, width, factor, capacity, expert) ->
                new LayerShape(batch, 8, sequence, width, factor * width, capacity, expert));
  }
}
