package org.sparkmoe.train;

import java.util.Map;
import org.sparkmoe.schedule.graph.Span;

/** Adds up how long the graphs of MoE layers take. */
final class LayerClock {
  private double milliseconds;

  void add(Map<String, Span> spans) {
    milliseconds += spans.values().stream().mapToDouble(Span::end).max().orElse(0);
  }

  /** Milliseconds since the last call. */
  double read() {
    double sum = milliseconds;
    milliseconds = 0;
    return sum;
  }
}
