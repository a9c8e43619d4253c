package org.sparkmoe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.moe.MoeExecution;
import org.sparkmoe.moe.RoutingCounts;
import org.sparkmoe.moe.StepContext;
import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.FlowLimits;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.StepPlan;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.SegmentTape;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** Attention and gate chunk by chunk give what they give whole. */
class BlockFlowTest {
  private static final int SEQUENCES = 8;
  private static final double TOLERANCE = 1e-10;

  private record Outcome(
      double loss, double auxLoss, List<String> load, Map<String, double[]> gradients) {}

  /** Gates are told apart by whether they decide by chunk, and by what chunks then are. */
  @ParameterizedTest
  @CsvSource({
    // gate, k, factor, routing group: world, mp, ep, esp
    "mixtral, 2, *, rank, 1, 1, 1, 1",
    "mixtral, 2, *, rank, 2, 1, 2, 1",
    "mixtral, 2, *, rank, 2, 1, 1, 2",
    "mixtral, 2, *, rank, 4, 2, 2, 2",
    "mixtral, 2, 1.1, 6, 4, 1, 2, 2",
    "mixtral, 2, 1.1, 3, 4, 2, 2, 1",
    "mixtral, 2, 1.1, rank, 2, 2, 1, 2",
    "noisy-top-k, 2, 1.25, 6, 2, 1, 2, 1",
    "noisy-top-k, 2, *, rank, 2, 2, 2, 1",
    "switch, 1, 1.25, 6, 4, 1, 4, 1",
    "gshard, 2, 1.25, 6, 2, 1, 1, 2",
    "x-moe, 1, *, rank, 2, 1, 2, 1",
    "sigmoid, 1, 1.25, 6, 2, 1, 2, 1",
    "soft, 1, 1, 6, 2, 1, 2, 1",
    "expert-choice, 2, 1.25, 6, 4, 1, 2, 2",
    "expert-choice, 2, 1.25, rank, 4, 4, 2, 2",
    "deepseek-v3, 2, 1.25, 6, 2, 2, 2, 1",
  })
  void chunksComputeWhatTheWholeDoes(
      String gate, int topK, String factor, String group, int world, int mp, int ep, int esp) {
    MoeConfig experts = experts(gate, topK, factor, group);
    assertChunksEqualTheWhole(new Topology(world, world, mp, ep, esp), experts, experts);
  }

  /** Of ranks that have all experts, and of others. */
  @ParameterizedTest
  @CsvSource({"mixtral, 1, 1", "gshard, 1, 1", "mixtral, 2, 1", "mixtral, 2, 2"})
  void chunksWhoseExpertsTakeTheirProductsTogether(String gate, int world, int ep) {
    MoeConfig experts = experts(gate, 2, "*", "rank");
    MoeConfig grouped =
        experts.withExpertOptions(Map.of("init-deviation", "0.3", "products", "grouped"));
    assertChunksEqualTheWhole(new Topology(world, world, 1, ep, 1), experts, grouped);
  }

  private static void assertChunksEqualTheWhole(
      Topology topology, MoeConfig ofWhole, MoeConfig ofChunks) {
    List<Outcome> whole = Ranks.run(topology, groups -> step(groups, ofWhole, false));
    List<Outcome> chunks = Ranks.run(topology, groups -> step(groups, ofChunks, true));
    for (int rank = 0; rank < topology.world(); rank++) {
      Outcome expected = whole.get(rank);
      Outcome flowed = chunks.get(rank);
      assertThat(flowed.loss()).isCloseTo(expected.loss(), within(TOLERANCE));
      assertThat(flowed.auxLoss()).isCloseTo(expected.auxLoss(), within(TOLERANCE));
      assertThat(flowed.load()).isEqualTo(expected.load());
      expected
          .gradients()
          .forEach(
              (name, gradient) ->
                  assertThat(flowed.gradients().get(name))
                      .as(name)
                      .containsExactly(gradient, within(TOLERANCE)));
    }
  }

  /** Central differences of loss and auxiliary loss, through chunks of both kinds. */
  @ParameterizedTest
  @CsvSource({"mixtral, *, rank", "mixtral, 1.1, 6", "soft, 1, 6"})
  void gradientsOfChunksAreThoseOfFiniteDifferences(String gate, String factor, String group) {
    // The gradient of the load loss is another's: it stands in for that of a count.
    MoeConfig experts = experts(gate, 2, factor, group, 0);
    Ranks.run(
        Topology.single(),
        groups -> {
          Run run = new Run(groups, experts, true);
          run.backward(run.forward());
          for (Parameter parameter : run.model.parameters()) {
            Tensor gradient = parameter.value().grad();
            if (gradient.defined()) {
              long at = parameter.value().numel() / 2;
              double expected = difference(run, parameter, at);
              assertThat(gradient.reshape(-1).narrow(0, at, 1).item_double())
                  .as(parameter.name())
                  .isCloseTo(expected, within(1e-6 * Math.max(1, Math.abs(expected))));
            }
          }
          return true;
        });
  }

  private static double difference(Run run, Parameter parameter, long at) {
    double step = 1e-6;
    Tensor element = parameter.value().detach().reshape(-1).narrow(0, at, 1);
    element.add_(new Scalar(step));
    double above = run.objective(run.forward());
    element.add_(new Scalar(-2 * step));
    double below = run.objective(run.forward());
    element.add_(new Scalar(step));
    return (above - below) / (2 * step);
  }

  @Test
  void aModelSaysHowItsBlocksCanBeCut() {
    assertThat(limits("mixtral", "*", "rank", 1)).contains(new BlockFlow.Limits(8, 8, true));
    assertThat(limits("mixtral", "1.1", "rank", 1)).contains(new BlockFlow.Limits(8, 1, false));
    assertThat(limits("mixtral", "1.1", "12", 1)).contains(new BlockFlow.Limits(8, 4, false));
    assertThat(limits("deepseek-v3", "*", "rank", 2)).contains(new BlockFlow.Limits(4, 1, true));
  }

  private static Optional<BlockFlow.Limits> limits(
      String gate, String factor, String group, int mp) {
    MoeConfig experts = experts(gate, 2, factor, group);
    return Ranks.run(
            new Topology(mp, mp, mp, 1, 1),
            groups -> model(groups, experts).flow().limits(SEQUENCES, Models.LENGTH))
        .get(0);
  }

  private static Outcome step(RankGroups groups, MoeConfig experts, boolean chunks) {
    Run run = new Run(groups, experts, chunks);
    Forward forward = run.forward();
    run.backward(forward);
    Map<String, double[]> gradients = new HashMap<>();
    for (Parameter parameter : run.model.parameters()) {
      Tensor gradient = parameter.value().grad();
      if (gradient.defined()) {
        gradients.put(parameter.name(), Models.array(gradient));
      }
    }
    return new Outcome(
        forward.lossSum().item_double(),
        forward.auxLoss().item_double(),
        RoutingCounts.read(forward.routing()).stream()
            .map(r -> Arrays.toString(r.tokensPerExpert()))
            .toList(),
        gradients);
  }

  /** One rank's model and tokens. */
  private static final class Run {
    private final LanguageModel model;
    private final Tensor tokens;
    private final StepContext context;
    private SegmentTape tape = new SegmentTape();

    Run(RankGroups groups, MoeConfig experts, boolean chunks) {
      model = model(groups, experts);
      Models.disturb(model);
      int batch = SEQUENCES / groups.dp().size();
      long shard = (long) batch * Models.LENGTH;
      long first = shard * groups.dp().rank() + shard / groups.mp().size() * groups.mp().rank();
      tokens =
          Models.tokens(SEQUENCES, Models.LENGTH + 1)
              .narrow(0, (long) batch * groups.dp().rank(), batch);
      context = new StepContext(true, 5, 0, 0, 1, first, (long) SEQUENCES * Models.LENGTH);
      if (chunks) {
        BlockFlow.Limits limits = model.flow().limits(batch, Models.LENGTH).orElseThrow();
        model.flow().scheduleBy(OnLanes.within(limits, groups.mp().size()));
      }
    }

    Forward forward() {
      tape = new SegmentTape();
      return model.forward(tape, tokens, context);
    }

    double objective(Forward forward) {
      return forward.lossSum().item_double() + forward.auxLoss().item_double();
    }

    void backward(Forward forward) {
      Tensor one = torch.ones_like(forward.auxLoss());
      tape.backward(new Tensor[] {forward.lossSum(), forward.auxLoss()}, new Tensor[] {one, one});
    }
  }

  /**
   * What {@code best} plans where links are slow; forward in two chunks, if backward may differ.
   */
  private record OnLanes(TaskGraph forward, TaskGraph backward) implements MoeExecution {

    static OnLanes within(BlockFlow.Limits limits, int mp) {
      StepPlan plan = plan(limits, mp, 4);
      StepPlan forward = limits.sameDegrees() ? plan : plan(limits, mp, 2);
      if (limits.gateChunks() >= 4 && !limits.sameDegrees()) {
        assertThat(plan.backwardDegrees()).isNotEqualTo(forward.forwardDegrees());
      }
      return new OnLanes(forward.forward(), plan.backward());
    }

    private static StepPlan plan(BlockFlow.Limits limits, int mp, int maxDegree) {
      CostModel model = new CostModel(0.01, 1);
      CostModels costs =
          new CostModels(
              model, model, model, model, model, model, model, model, model, model, model, model);
      LayerWorkload layer = new LayerWorkload(400, 200, 400, 400, 200, mp > 1 ? 400 : 0, 0, 1);
      FlowLimits within =
          new FlowLimits(limits.sequences(), limits.gateChunks(), limits.sameDegrees());
      StepPlan plan =
          PolicyName.BEST.executable(maxDegree, within).plan(List.of(layer, layer), costs);
      assertThat(plan.flowsThroughBlocks()).isTrue();
      assertThat(plan.forward().tasks())
          .filteredOn(task -> task.kind() == TaskKind.ATTENTION)
          .hasSizeGreaterThan(2);
      return plan;
    }

    @Override
    public void run(TaskGraph graph, Map<String, Runnable> bodies) {
      try (GraphExecutor lanes = GraphExecutor.lanes()) {
        lanes.run(graph, bodies);
      }
    }
  }

  private static LanguageModel model(RankGroups groups, MoeConfig experts) {
    ModelConfig config = Models.config(Architecture.GPT2, "all", true);
    return LanguageModel.create(
        config, experts, Models.VOCABULARY, groups, ParameterInitializer.cpu(3, Precision.F64));
  }

  private static MoeConfig experts(String gate, int topK, String factor, String group) {
    return experts(gate, topK, factor, group, 0.03);
  }

  private static MoeConfig experts(
      String gate, int topK, String factor, String group, double loadLoss) {
    MoeConfig c = MoeConfig.of(4, topK, 8);
    return new MoeConfig(
        c.experts(),
        c.topK(),
        factor,
        gate,
        c.order(),
        c.dispatch(),
        "gpt",
        c.hiddenSize(),
        1,
        c.drop(),
        0.1,
        0.01,
        0.02,
        loadLoss,
        group,
        1,
        gate.equals("soft") ? Map.of("slots-per-expert", "2") : Map.of(),
        Map.of("init-deviation", "0.3"),
        List.of());
  }
}
