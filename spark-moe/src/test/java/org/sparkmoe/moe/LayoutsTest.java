package org.sparkmoe.moe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparkmoe.schedule.exec.GraphExecutor;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.Topology;

/** Whatever the layout and the pipeline degrees, a layer computes what one rank does. */
class LayoutsTest {
  private static final Map<String, Topology> LAYOUTS = new LinkedHashMap<>();

  static {
    LAYOUTS.put("EP=4", new Topology(4, 2, 1, 4, 1));
    LAYOUTS.put("ESP=4", new Topology(4, 4, 1, 1, 4));
    LAYOUTS.put("EP=2·ESP=2", new Topology(4, 2, 1, 2, 2));
    LAYOUTS.put("MP=2·EP=2", new Topology(4, 2, 2, 2, 1));
    LAYOUTS.put("DP=2·EP=2", new Topology(2, 1, 1, 2, 1));
    LAYOUTS.put("PP=2·EP=2", new Topology(4, 2, 2, 1, 2, 1));
    LAYOUTS.put("EDP=4", new Topology(4, 4, 1, 1, 1));
  }

  static Stream<Arguments> everyGateAndExpert() {
    return Stream.of(
        Arguments.of("noisy-top-k", "gpt", "0.8"),
        Arguments.of("gshard", "mixtral", "0.8"),
        Arguments.of("mixtral", "mixtral", "*"),
        Arguments.of("mixtral", "gpt", "0.6"));
  }

  static MoeConfig config(String gate, String expert, String capacity) {
    return new MoeConfigBuilder()
        .gate(gate)
        .expert(expert)
        .capacityFactor(capacity)
        .minCapacity(1)
        .routingGroup("6")
        .zLoss(1e-3)
        .build();
  }

  @ParameterizedTest
  @MethodSource("everyGateAndExpert")
  void everyLayoutEqualsOneRank(String gate, String expert, String capacity) {
    MoeRun.Setup setup = MoeRun.Setup.of(config(gate, expert, capacity));
    MoeRun one = MoeRun.of(setup);
    if (!capacity.equals("*")) {
      assertThat(one.stats().droppedShare()).isPositive();
    }
    LAYOUTS.forEach((name, layout) -> assertEqual(name, MoeRun.of(setup.on(layout)), one, 1e-12));
  }

  @Test
  void everyLayoutEqualsOneRankInSinglePrecision() {
    MoeRun.Setup setup = MoeRun.Setup.of(config("noisy-top-k", "gpt", "1")).in(Precision.F32);
    MoeRun one = MoeRun.of(setup);
    LAYOUTS.forEach((name, layout) -> assertEqual(name, MoeRun.of(setup.on(layout)), one, 1e-5));
  }

  @Test
  void everyPipelineDegreeOfForwardAndBackwardGivesTheSame() {
    MoeRun.Setup setup =
        MoeRun.Setup.of(config("gshard", "gpt", "0.8")).on(new Topology(4, 2, 1, 2, 2));
    MoeRun one = MoeRun.of(setup);
    for (int forward : new int[] {1, 2, 4}) {
      for (int backward : new int[] {1, 2, 3}) {
        assertEqual(
            "r = %d / %d".formatted(forward, backward),
            MoeRun.of(setup.by(() -> MoeExecution.sequential(forward, backward))),
            one,
            1e-12);
      }
    }
  }

  @Test
  void lanesGiveTheBitsOfTheSequentialSchedule() {
    MoeRun.Setup setup =
        MoeRun.Setup.of(config("gshard", "mixtral", "0.8"))
            .on(new Topology(4, 2, 1, 2, 2))
            .by(() -> MoeExecution.sequential(2, 4));
    MoeRun sequential = MoeRun.of(setup);
    MoeRun overlapped = MoeRun.of(setup.by(() -> new OnLanes(MoeExecution.sequential(2, 4))));
    assertThat(overlapped.output()).isEqualTo(sequential.output());
    assertThat(overlapped.inputGradient()).isEqualTo(sequential.inputGradient());
    sequential
        .gradients()
        .forEach(
            (name, gradient) -> assertThat(overlapped.gradients().get(name)).isEqualTo(gradient));
  }

  record OnLanes(MoeExecution graphs) implements MoeExecution {
    @Override
    public TaskGraph forward() {
      return graphs.forward();
    }

    @Override
    public TaskGraph backward() {
      return graphs.backward();
    }

    @Override
    public void run(TaskGraph graph, Map<String, Runnable> bodies) {
      try (GraphExecutor lanes = GraphExecutor.lanes()) {
        lanes.run(graph, bodies);
      }
    }
  }

  static void assertEqual(String name, MoeRun actual, MoeRun expected, double tolerance) {
    assertThat(MoeRun.difference(actual.output(), expected.output()))
        .as("%s: output", name)
        .isLessThan(tolerance);
    assertThat(MoeRun.difference(actual.inputGradient(), expected.inputGradient()))
        .as("%s: gradient of the input", name)
        .isLessThan(tolerance);
    expected
        .gradients()
        .forEach(
            (parameter, gradient) ->
                assertThat(MoeRun.difference(actual.gradients().get(parameter), gradient))
                    .as("%s: gradient of %s", name, parameter)
                    .isLessThan(tolerance));
    assertThat(actual.auxLoss())
        .as("%s: auxiliary loss", name)
        .isCloseTo(
            expected.auxLoss(), org.assertj.core.data.Percentage.withPercentage(1e2 * tolerance));
    assertThat(actual.stats().tokensPerExpert()).isEqualTo(expected.stats().tokensPerExpert());
  }
}
