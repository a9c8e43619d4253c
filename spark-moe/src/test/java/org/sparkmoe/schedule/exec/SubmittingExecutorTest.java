package org.sparkmoe.schedule.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.sparkmoe.lane.ClockedGpu;
import org.sparkmoe.lane.Lanes;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/** On lanes of threads, where failures can be watched, and of streams. */
@Timeout(30)
class SubmittingExecutorTest {
  private static final TaskGraph GRAPH =
      new TaskGraph(
          "layer",
          List.of(
              new Task("dispatch.0", TaskKind.DISPATCH, Lane.INTER_NODE, 1),
              new Task("dispatch.1", TaskKind.DISPATCH, Lane.INTER_NODE, 1),
              new Task("expert.0", TaskKind.EXPERT, Lane.COMPUTE, 1, "dispatch.0"),
              new Task("expert.1", TaskKind.EXPERT, Lane.COMPUTE, 1, "dispatch.1"),
              new Task("combine.0", TaskKind.COMBINE, Lane.INTER_NODE, 1, "expert.0")));

  private static GraphExecutor executor() {
    return new SubmittingExecutor(Lanes.threads());
  }

  @Test
  void tasksKeepTheirDependenciesAndTheOrderOfTheirLane() {
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    Map<String, Runnable> bodies = new HashMap<>();
    GRAPH.tasks().forEach(task -> bodies.put(task.id(), () -> order.add(task.id())));
    try (GraphExecutor executor = executor()) {
      Map<String, Span> spans = executor.run(GRAPH, bodies);
      assertThat(order).containsSubsequence("dispatch.0", "dispatch.1", "combine.0");
      assertThat(order).containsSubsequence("dispatch.0", "expert.0", "combine.0");
      assertThat(order).containsSubsequence("dispatch.1", "expert.1");
      assertThat(spans.keySet())
          .containsExactly("dispatch.0", "dispatch.1", "expert.0", "expert.1", "combine.0");
      assertThat(spans.get("expert.0").start())
          .isGreaterThanOrEqualTo(spans.get("dispatch.0").end());
    }
  }

  @Test
  void aFailureKeepsItsDependentsFromRunningAndIsRethrownWhenAllHasEnded() {
    List<String> ran = Collections.synchronizedList(new ArrayList<>());
    IllegalStateException broken = new IllegalStateException("link down");
    Map<String, Runnable> bodies = new HashMap<>();
    GRAPH.tasks().forEach(task -> bodies.put(task.id(), () -> ran.add(task.id())));
    bodies.put(
        "dispatch.0",
        () -> {
          throw broken;
        });
    try (GraphExecutor executor = executor()) {
      assertThatThrownBy(() -> executor.run(GRAPH, bodies)).isSameAs(broken);
      assertThat(ran).containsExactlyInAnyOrder("dispatch.1", "expert.1");
    }
  }

  @Test
  void onAGpuTasksWaitForThoseTheyDependOnAndForTheCallerAndTheHostForNothing() {
    ClockedGpu gpu = new ClockedGpu();
    Tensor chunks = torch.zeros(2);
    Map<String, Runnable> bodies = new HashMap<>();
    GRAPH.tasks().forEach(t -> bodies.put(t.id(), () -> gpu.writes(t.id(), chunk(chunks, t))));
    try (GraphExecutor executor = GraphExecutor.streams(gpu)) {
      gpu.writes("input", chunks);
      executor.run(GRAPH, bodies);
      gpu.reads("output", chunks);
      executor.run(GRAPH, bodies);
      assertThat(gpu.races()).isEmpty();
      assertThat(gpu.hostWaits()).isZero();
      bodies.put("expert.0", () -> gpu.writes("expert.0", chunks));
      executor.run(GRAPH, bodies);
      assertThat(gpu.races())
          .as("a task that uses what it does not depend on is found")
          .containsExactly("expert.0 on stream 1 beside dispatch.1 on stream 3");
    }
  }

  private static Tensor chunk(Tensor chunks, Task task) {
    return chunks.narrow(0, task.id().endsWith("0") ? 0 : 1, 1);
  }
}
