package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;
import org.sparkmoe.schedule.policy.Direction;
import org.sparkmoe.schedule.policy.LayerGraphs;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.StepPlan;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.Topology;

class ExpertsTest {
  private static final Topology EP_AND_ESP = new Topology(4, 2, 1, 2, 2);

  /** A user's expert: Mixtral's in plain torch operations. */
  public static final class PlainSwiglu implements ExpertProvider {
    @Override
    public String name() {
      return "plain";
    }

    @Override
    public String source() {
      return "test";
    }

    @Override
    public Map<String, String> options() {
      return Map.of("init-deviation", "as the built-in one");
    }

    @Override
    public Expert create(ExpertContext context) {
      List<Parameter> w = new ArrayList<>();
      long m = context.modelWidth();
      long h = context.hiddenSize();
      w.add(context.initializer().normal(context.box("w1", true, 2, m, h), 0.5));
      w.add(context.initializer().normal(context.box("w2", true, 1, h, m), 0.5));
      w.add(context.initializer().normal(context.box("w3", true, 2, m, h), 0.5));
      return Expert.of(w, x -> function(x, w));
    }

    private static Tensor function(Tensor x, List<Parameter> w) {
      Tensor gate = torch.silu(x.bmm(w.get(0).value()));
      return gate.mul(x.bmm(w.get(2).value())).bmm(w.get(1).value());
    }
  }

  private static MoeRun.Setup setup(String expert) {
    return MoeRun.Setup.of(
        new MoeConfigBuilder().expert(expert).capacityFactor("0.8").routingGroup("6").build());
  }

  @Test
  void aUsersExpertInPlainOperationsEqualsTheBuiltInOne() {
    MoeRun plain =
        MoeRun.of(
            setup(PlainSwiglu.class.getName())
                .on(EP_AND_ESP)
                .by(() -> MoeExecution.sequential(2, 3)));
    LayoutsTest.assertEqual("autograd", plain, MoeRun.of(setup("mixtral")), 1e-12);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt", "mixtral"})
  void weightGradientsMayBeTasksOfTheirOwn(String expert) {
    MoeRun late = MoeRun.of(setup(expert).on(EP_AND_ESP).by(() -> new LateWeights(2)));
    LayoutsTest.assertEqual("late", late, MoeRun.of(setup(expert)), 1e-12);
  }

  @Test
  void theBestScheduleOnThreeLanesEqualsOneTaskAfterAnother() {
    StepPlan plan = expertsDominate();
    TaskGraph backward = LayerGraphs.ofLayer(plan.backward(), Direction.BACKWARD, 0);
    assertThat(backward.tasks()).anyMatch(t -> t.kind() == TaskKind.EXPERT_WEIGHT_GRADIENT);
    assertThat(LayerPass.Cut.of(backward).chunks()).isGreaterThan(1);
    MoeExecution best =
        new OnLanes(LayerGraphs.ofLayer(plan.forward(), Direction.FORWARD, 0), backward);
    MoeRun scheduled = MoeRun.of(setup("mixtral").on(EP_AND_ESP).by(() -> best));
    LayoutsTest.assertEqual("best", scheduled, MoeRun.of(setup("mixtral")), 1e-12);
  }

  private static StepPlan expertsDominate() {
    CostModel link = new CostModel(0.01, 1);
    CostModel products = new CostModel(0.01, 2);
    CostModels costs = new CostModels(link, link, link, link, products, products);
    return PolicyName.BEST
        .executable(4)
        .plan(List.of(new LayerWorkload(1, 1, 1, 1, 1, 0, 0)), costs);
  }

  private record OnLanes(TaskGraph forward, TaskGraph backward) implements MoeExecution {
    @Override
    public void run(TaskGraph graph, Map<String, Runnable> bodies) {
      try (GraphExecutor executor = GraphExecutor.lanes()) {
        executor.run(graph, bodies);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt", "mixtral"})
  void halfPrecisionStaysCloseToSingle(String expert) {
    MoeConfig config =
        new MoeConfigBuilder().expert(expert).capacityFactor("*").topK(4).auxLoss(0).build();
    MoeRun single = MoeRun.of(MoeRun.Setup.of(config).in(Precision.F32));
    MoeRun half = MoeRun.of(MoeRun.Setup.of(config).in(Precision.BF16).on(EP_AND_ESP));
    assertThat(MoeRun.difference(half.output(), single.output())).isLessThan(0.02);
    single
        .gradients()
        .forEach(
            (name, gradient) ->
                assertThat(MoeRun.difference(half.gradients().get(name), gradient))
                    .as(name)
                    .isLessThan(0.03));
  }

  /** Backward with the weight gradients after everything else. */
  private record LateWeights(TaskGraph forward, TaskGraph backward) implements MoeExecution {
    LateWeights(int degree) {
      this(
          MoeExecution.sequential(degree, degree).forward(),
          withLateWeights(MoeExecution.sequential(degree, degree).backward(), degree));
    }

    private static TaskGraph withLateWeights(TaskGraph graph, int degree) {
      Stream<Task> late =
          Stream.iterate(0, j -> j + 1)
              .limit(degree)
              .map(
                  j ->
                      new Task(
                          "expert_weight_gradient." + j,
                          TaskKind.EXPERT_WEIGHT_GRADIENT,
                          Lane.COMPUTE,
                          0,
                          "expert." + j));
      return new TaskGraph(graph.name(), Stream.concat(graph.tasks().stream(), late).toList());
    }

    @Override
    public void run(TaskGraph graph, Map<String, Runnable> bodies) {
      try (GraphExecutor executor = GraphExecutor.sequential()) {
        executor.run(graph, bodies);
      }
    }
  }
}
