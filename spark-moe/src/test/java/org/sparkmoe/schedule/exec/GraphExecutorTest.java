package org.sparkmoe.schedule.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

@Timeout(30)
class GraphExecutorTest {
  private static final TaskGraph GRAPH =
      new TaskGraph(
          "layer",
          List.of(
              new Task("dispatch.0", TaskKind.DISPATCH, Lane.INTER_NODE, 1),
              new Task("dispatch.1", TaskKind.DISPATCH, Lane.INTER_NODE, 1),
              new Task("expert.0", TaskKind.EXPERT, Lane.COMPUTE, 1, "dispatch.0"),
              new Task("expert.1", TaskKind.EXPERT, Lane.COMPUTE, 1, "dispatch.1"),
              new Task("combine.0", TaskKind.COMBINE, Lane.INTER_NODE, 1, "expert.0")));

  @Test
  void aTaskSeesWhatItsDependenciesWrote() {
    for (int repeat = 0; repeat < 200; repeat++) {
      int[] tokens = {0, 0};
      Map<String, Runnable> bodies = new HashMap<>();
      bodies.put("dispatch.0", () -> tokens[0] = 3);
      bodies.put("dispatch.1", () -> tokens[1] = 5);
      bodies.put("expert.0", () -> tokens[0] *= 7);
      bodies.put("expert.1", () -> tokens[1] *= 11);
      bodies.put("combine.0", () -> tokens[0] += 1);
      try (GraphExecutor executor = GraphExecutor.lanes()) {
        executor.run(GRAPH, bodies);
      }
      assertThat(tokens).containsExactly(22, 55);
    }
  }

  @Test
  void lanesWorkSideBySide() {
    CountDownLatch expertStarted = new CountDownLatch(1);
    Map<String, Runnable> bodies = noWork();
    bodies.put("dispatch.1", () -> await(expertStarted));
    bodies.put("expert.0", expertStarted::countDown);
    try (GraphExecutor executor = GraphExecutor.lanes()) {
      Map<String, Span> spans = executor.run(GRAPH, bodies);
      assertThat(spans.get("expert.0").start()).isLessThanOrEqualTo(spans.get("dispatch.1").end());
      assertThat(spans.keySet())
          .containsExactly("dispatch.0", "dispatch.1", "expert.0", "expert.1", "combine.0");
    }
  }

  @Test
  void theFirstFailureIsRethrownAndNothingStartsAfterIt() {
    RuntimeException broken = new IllegalStateException("link down");
    Map<String, Runnable> bodies = noWork();
    bodies.put(
        "dispatch.1",
        () -> {
          throw broken;
        });
    bodies.put("expert.1", () -> assertThat(true).as("must not run").isFalse());
    try (GraphExecutor executor = GraphExecutor.lanes()) {
      assertThatThrownBy(() -> executor.run(GRAPH, bodies)).isSameAs(broken);
      assertThat(executor.run(GRAPH, noWork())).as("usable afterwards").hasSize(5);
    }
  }

  @Test
  void anInterruptEndsTheRunOnceRunningBodiesHaveEnded() throws InterruptedException {
    CountDownLatch started = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    Map<String, Runnable> bodies = noWork();
    bodies.put(
        "dispatch.0",
        () -> {
          started.countDown();
          await(release);
        });
    RuntimeException[] thrown = new RuntimeException[1];
    try (GraphExecutor executor = GraphExecutor.lanes()) {
      Thread caller =
          new Thread(
              () -> {
                try {
                  executor.run(GRAPH, bodies);
                } catch (RuntimeException e) {
                  thrown[0] = e;
                }
              });
      caller.start();
      await(started);
      caller.interrupt();
      // It has seen the interrupt when it waits again without it.
      while (caller.isInterrupted() || caller.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      release.countDown();
      caller.join();
    }
    assertThat(thrown[0]).hasMessageContaining("interrupted");
  }

  @Test
  void sequentialRunsInIssueOrder() {
    StringBuilder order = new StringBuilder();
    Map<String, Runnable> bodies = new HashMap<>();
    GRAPH.tasks().forEach(task -> bodies.put(task.id(), () -> order.append(task.id()).append(' ')));
    try (GraphExecutor executor = GraphExecutor.sequential()) {
      executor.run(GRAPH, bodies);
    }
    assertThat(order).hasToString("dispatch.0 dispatch.1 expert.0 expert.1 combine.0 ");
  }

  @Test
  void bodiesAndTasksMustMatch() {
    Map<String, Runnable> bodies = noWork();
    bodies.remove("expert.1");
    bodies.put("export.1", () -> {});
    for (GraphExecutor executor : List.of(GraphExecutor.sequential(), GraphExecutor.lanes())) {
      assertThatThrownBy(() -> executor.run(GRAPH, bodies))
          .hasMessageContaining("tasks without a body: [expert.1]")
          .hasMessageContaining("bodies without a task: [export.1]");
      executor.close();
    }
  }

  private static Map<String, Runnable> noWork() {
    Map<String, Runnable> bodies = new HashMap<>();
    GRAPH.tasks().forEach(task -> bodies.put(task.id(), () -> {}));
    return bodies;
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
