package org.sparkmoe.schedule.policy;

import org.sparkmoe.schedule.graph.TaskKind;

/** Which half of a step. */
public enum Direction {
  FORWARD(TaskKind.EXPERT, TaskKind.ATTENTION),
  BACKWARD(TaskKind.EXPERT_BACKWARD, TaskKind.ATTENTION_BACKWARD);

  private final TaskKind expert;
  private final TaskKind attention;

  Direction(TaskKind expert, TaskKind attention) {
    this.expert = expert;
    this.attention = attention;
  }

  TaskKind expert() {
    return expert;
  }

  TaskKind attention() {
    return attention;
  }
}
