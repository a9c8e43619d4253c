package org.sparkmoe.schedule.exec;

import java.util.LinkedHashMap;
import java.util.Map;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;

/** All lanes on the calling thread; issue order respects every dependency. */
final class SequentialExecutor implements GraphExecutor {

  @Override
  public Map<String, Span> run(TaskGraph graph, Map<String, Runnable> bodies) {
    Bodies.check(graph, bodies);
    StepClock clock = new StepClock();
    Map<String, Span> spans = new LinkedHashMap<>();
    for (Task task : graph.tasks()) {
      double start = clock.millis();
      bodies.get(task.id()).run();
      spans.put(task.id(), new Span(task.id(), task.lane(), start, clock.millis()));
    }
    return spans;
  }

  @Override
  public void close() {}
}
