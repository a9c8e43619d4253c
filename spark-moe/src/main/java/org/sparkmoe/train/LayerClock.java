package org.sparkmoe.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.sim.Timeline;
import org.sparkmoe.schedule.sim.TracedGraph;

/** Collects how the graphs of MoE layers ran. */
final class LayerClock {
  private final List<Timeline> timelines = new ArrayList<>();

  void add(TaskGraph graph, Map<String, Span> spans) {
    timelines.add(new Timeline(TracedGraph.MEASURED + graph.name(), List.copyOf(spans.values())));
  }

  /** What ran since the last call, in order. */
  List<Timeline> take() {
    List<Timeline> taken = List.copyOf(timelines);
    timelines.clear();
    return taken;
  }
}
