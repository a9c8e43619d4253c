package org.sparkmoe.runtime.ui;

import java.util.List;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.sim.Timeline;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingStart;

/** Trainings that are told of, but do not happen. */
final class Trainings {
  private Trainings() {}

  static StepMetrics step(long step) {
    RoutingStats routing =
        new RoutingStats(new long[] {30 + step, 10, 20, 0}, 0.125, 1.25, 2.5, 0.01);
    ScheduleMetrics schedule = new ScheduleMetrics(12.5, 10.25, 0.75, List.of(0.5, 0.25, 0.625));
    return new StepMetrics(
        step,
        5.0 / step,
        0.02,
        1e-3,
        1.5,
        false,
        4321,
        412,
        0.417,
        50,
        3 << 20,
        7,
        2,
        List.of(routing, routing),
        schedule);
  }

  /** Tells of a training of so many steps. */
  static void tell(TrainingListener listener, int steps) {
    listener.started(new TrainingStart(0, steps, 1234567, 2048));
    List<Span> spans =
        List.of(
            new Span("dispatch-0", Lane.INTER_NODE, 0, 2),
            new Span("expert-0", Lane.COMPUTE, 2, 3));
    for (int step = 1; step <= steps; step++) {
      listener.step(step(step));
      if (step == 1) {
        listener.scheduled(
            new ScheduleTrace(
                1,
                "fsmoe",
                List.of(2, 4),
                List.of(1, 2),
                List.of(new Timeline("measured forward-0", spans)),
                List.of(new Timeline("predicted forward-0", spans))));
      }
    }
    listener.evaluated(new EvaluationMetrics(steps, 1.5, 2.25, 999, 3));
  }
}
