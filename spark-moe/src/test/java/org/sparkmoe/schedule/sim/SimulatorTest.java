package org.sparkmoe.schedule.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.sparkmoe.schedule.cost.CostModel;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

class SimulatorTest {
  private static final CostModel ONE = new CostModel(0, 1);

  /** One millisecond per unit of any work. */
  private static final CostModels UNIT = new CostModels(ONE, ONE, ONE, ONE, ONE, ONE);

  private static final TaskGraph PIPELINE =
      new TaskGraph(
          "pipeline",
          List.of(
              new Task("dispatch.0", TaskKind.DISPATCH, Lane.INTER_NODE, 2),
              new Task("dispatch.1", TaskKind.DISPATCH, Lane.INTER_NODE, 2),
              new Task("expert.0", TaskKind.EXPERT, Lane.COMPUTE, 3, "dispatch.0"),
              new Task("expert.1", TaskKind.EXPERT, Lane.COMPUTE, 3, "dispatch.1"),
              new Task("combine.0", TaskKind.COMBINE, Lane.INTER_NODE, 2, "expert.0"),
              new Task("combine.1", TaskKind.COMBINE, Lane.INTER_NODE, 2, "expert.1")));

  @Test
  void idealLanesRunSideBySide() {
    Timeline timeline = Simulator.ideal(UNIT).simulate(PIPELINE);
    assertThat(timeline.makespan()).isEqualTo(2 + 3 + 3 + 2);
    assertThat(timeline.busy(Lane.COMPUTE)).isEqualTo(6);
    assertThat(timeline.hiddenCommunication()).isCloseTo(4.0 / 8, within(1e-12));
    assertThat(timeline)
        .hasToString(
            """
            timeline pipeline, 10.000 ms
                 0.000      2.000  inter-node  dispatch.0
                 2.000      5.000  compute     expert.0
                 2.000      4.000  inter-node  dispatch.1
                 5.000      8.000  compute     expert.1
                 5.000      7.000  inter-node  combine.0
                 8.000     10.000  inter-node  combine.1
            """);
  }

  @Test
  void interferenceSlowsTasksWhileAnotherLaneIsBusy() {
    TaskGraph graph =
        new TaskGraph(
            "two",
            List.of(
                new Task("a", TaskKind.DISPATCH, Lane.INTER_NODE, 2),
                new Task("b", TaskKind.EXPERT, Lane.COMPUTE, 5)));
    Timeline timeline = Simulator.withInterference(UNIT, 0.5).simulate(graph);
    assertThat(timeline.spans().get(0).end()).as("2 at rate 1 / 1.5").isEqualTo(3);
    assertThat(timeline.spans().get(1).end()).as("then 3 at rate 1").isEqualTo(6);
  }

  @Property(tries = 300)
  void isBetweenTheBusiestLaneAndNoOverlap(@ForAll("graphs") TaskGraph graph) {
    Simulator simulator = Simulator.ideal(UNIT);
    double sum = graph.tasks().stream().mapToDouble(Task::workload).sum();
    assertThat(simulator.makespan(graph))
        .isGreaterThanOrEqualTo(simulator.busiestLane(graph) - 1e-9)
        .isLessThanOrEqualTo(sum + 1e-9);
  }

  @Property(tries = 300)
  void interferenceNeverHelpsAndAtZeroMeansIdeal(@ForAll("graphs") TaskGraph graph) {
    double ideal = Simulator.ideal(UNIT).makespan(graph);
    assertThat(Simulator.withInterference(UNIT, 1e-12).makespan(graph))
        .isCloseTo(ideal, within(1e-6));
    assertThat(Simulator.withInterference(UNIT, 0.3).makespan(graph))
        .isGreaterThanOrEqualTo(ideal - 1e-9);
  }

  @Provide
  Arbitrary<TaskGraph> graphs() {
    Arbitrary<Draft> drafts =
        Combinators.combine(
                Arbitraries.of(Lane.class),
                Arbitraries.doubles().between(0, 10),
                Arbitraries.integers().between(1, 20).list().ofMaxSize(3))
            .as(Draft::new);
    return drafts.list().ofMinSize(1).ofMaxSize(25).map(SimulatorTest::graph);
  }

  /** A task whose dependencies are given by how many places before it they stand. */
  private record Draft(Lane lane, double work, List<Integer> before) {}

  private static TaskGraph graph(List<Draft> drafts) {
    List<Task> tasks = new ArrayList<>();
    for (int i = 0; i < drafts.size(); i++) {
      int index = i;
      List<String> dependencies =
          drafts.get(i).before().stream()
              .filter(distance -> distance <= index)
              .map(distance -> "t." + (index - distance))
              .distinct()
              .toList();
      tasks.add(
          new Task(
              "t." + i, TaskKind.EXPERT, drafts.get(i).lane(), drafts.get(i).work(), dependencies));
    }
    return new TaskGraph("random", tasks);
  }

  @Test
  void theTraceHasATrackForEachLaneOfEachTimeline() {
    Timeline timeline = Simulator.ideal(UNIT).simulate(PIPELINE);
    assertThat(ChromeTrace.of(List.of(timeline, timeline)))
        .startsWith("{\"traceEvents\":[{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":0")
        .contains(
            "{\"name\":\"expert.1\",\"cat\":\"compute\",\"ph\":\"X\",\"pid\":1,\"tid\":0,"
                + "\"ts\":5000.0,\"dur\":3000.0}");
  }

  @Test
  void thePictureLabelsEveryTask() {
    String svg = GanttChart.of(List.of(Simulator.ideal(UNIT).simulate(PIPELINE)));
    assertThat(svg).contains("pipeline, 10.00 ms").contains("<title>expert.1: 5.000 to 8.000 ms");
    PIPELINE.tasks().forEach(task -> assertThat(svg).contains(">" + task.id() + "</text>"));
  }
}
