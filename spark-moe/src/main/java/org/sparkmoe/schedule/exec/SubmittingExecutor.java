package org.sparkmoe.schedule.exec;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.sparkmoe.lane.Event;
import org.sparkmoe.lane.Gpu;
import org.sparkmoe.lane.Lanes;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;

/**
 * Submits all tasks in issue order to lanes that keep dependencies themselves, by events.
 *
 * <p>On a GPU nothing waits for it: every stream begins after what the caller's stream held, that
 * stream goes on after all tasks, and spans tell when tasks were issued.
 */
final class SubmittingExecutor implements GraphExecutor {
  private final Lanes kind;
  private final Map<Lane, org.sparkmoe.lane.Lane> lanes = new EnumMap<>(Lane.class);

  /** Makes its lanes; communication goes first. */
  SubmittingExecutor(Lanes kind) {
    this.kind = kind;
    for (Lane lane : Lane.values()) {
      Gpu.Priority priority = lane == Lane.COMPUTE ? Gpu.Priority.NORMAL : Gpu.Priority.HIGH;
      lanes.put(lane, kind.lane(lane.name().toLowerCase(Locale.ROOT), priority));
    }
  }

  @Override
  public Map<String, Span> run(TaskGraph graph, Map<String, Runnable> bodies) {
    Bodies.check(graph, bodies);
    StepClock clock = new StepClock();
    List<Event> begin = kind.soFar();
    Map<String, Event> events = new LinkedHashMap<>();
    Map<String, double[]> times = new HashMap<>();
    for (Task task : graph.tasks()) {
      List<Event> dependencies = new ArrayList<>(begin);
      task.dependencies().forEach(id -> dependencies.add(events.get(id)));
      double[] span = new double[2];
      Runnable body = bodies.get(task.id());
      Event event =
          lanes
              .get(task.lane())
              .submit(
                  () -> {
                    span[0] = clock.millis();
                    body.run();
                    span[1] = clock.millis();
                  },
                  dependencies);
      events.put(task.id(), event);
      times.put(task.id(), span);
    }
    joinAll(events.values());
    Map<String, Span> spans = new LinkedHashMap<>();
    for (Task task : graph.tasks()) {
      double[] span = times.get(task.id());
      spans.put(task.id(), new Span(task.id(), task.lane(), span[0], span[1]));
    }
    return spans;
  }

  /**
   * Joins all, then throws the first failure: nothing runs any more when the caller hears of it.
   */
  private void joinAll(Iterable<Event> events) {
    RuntimeException failure = null;
    for (Event event : events) {
      try {
        kind.join(event);
      } catch (RuntimeException e) {
        failure = failure == null ? e : failure;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public void close() {
    lanes.values().forEach(org.sparkmoe.lane.Lane::close);
  }
}
