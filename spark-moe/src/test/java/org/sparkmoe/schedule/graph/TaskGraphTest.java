package org.sparkmoe.schedule.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class TaskGraphTest {
  private static final Task DISPATCH =
      new Task("dispatch.0", TaskKind.DISPATCH, Lane.INTER_NODE, 1000);
  private static final Task GATHER =
      new Task("all_gather.0", TaskKind.ALL_GATHER, Lane.INTRA_NODE, 8000, "dispatch.0");
  private static final Task EXPERT =
      new Task("expert.0", TaskKind.EXPERT, Lane.COMPUTE, 1e9, "all_gather.0", "dispatch.0");

  @Test
  void printsOneLineATask() {
    assertThat(new TaskGraph("layer", List.of(DISPATCH, GATHER, EXPERT)))
        .hasToString(
            """
            graph layer
            dispatch.0   inter_node dispatch   1000.0
            all_gather.0 intra_node all_gather 8000.0 <- dispatch.0
            expert.0     compute    expert     1.0E9 <- all_gather.0, dispatch.0
            """);
  }

  @Test
  void parsesWhatItPrints() {
    TaskGraph graph = new TaskGraph("layer", List.of(DISPATCH, GATHER, EXPERT));
    assertThat(TaskGraph.parse(graph.toString())).isEqualTo(graph);
  }

  @Test
  void aTaskIssuedBeforeItsDependencyIsMarked() {
    assertThatThrownBy(() -> new TaskGraph("layer", List.of(GATHER, DISPATCH)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(
            "task all_gather.0 depends on dispatch.0, which is not issued before it")
        .hasMessageContaining(">> all_gather.0 intra_node");
  }

  @Test
  void anUnknownDependencyIsNamed() {
    assertThatThrownBy(() -> new TaskGraph("layer", List.of(DISPATCH, EXPERT)))
        .hasMessageContaining("all_gather.0, which is no task of this graph")
        .hasMessageContaining(">> expert.0");
  }

  @Test
  void aRepeatedIdIsMarked() {
    assertThatThrownBy(() -> new TaskGraph("layer", List.of(DISPATCH, DISPATCH)))
        .hasMessageContaining("two tasks have the id dispatch.0")
        .hasMessageContaining(">> dispatch.0");
  }

  @Test
  void aLineThatCannotBeReadIsNumbered() {
    assertThatThrownBy(() -> TaskGraph.parse("graph g\na compute expert 1.0\nb compute"))
        .hasMessageContaining("line 3")
        .hasMessageContaining("'b compute'");
    assertThatThrownBy(() -> TaskGraph.parse("graph g\na compute export 1.0"))
        .hasMessageContaining("line 2");
  }
}
