package org.sparkmoe.schedule.sim;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;

/**
 * When each task of a graph ran, predicted or measured.
 *
 * @param name what it shows
 * @param spans in issue order
 */
public record Timeline(String name, List<Span> spans) implements Serializable {

  public Timeline {
    spans = List.copyOf(spans);
  }

  /** Milliseconds from the first start to the last end. */
  public double makespan() {
    double start = spans.stream().mapToDouble(Span::start).min().orElse(0);
    return spans.stream().mapToDouble(Span::end).max().orElse(0) - start;
  }

  /** Milliseconds that {@code lane} works. */
  public double busy(Lane lane) {
    return spans.stream().filter(span -> span.lane() == lane).mapToDouble(Span::duration).sum();
  }

  /**
   * Share of the communication time during which computation runs too, from 0 to 1; 0 without
   * communication.
   */
  public double hiddenCommunication() {
    List<Span> compute = spans.stream().filter(span -> span.lane() == Lane.COMPUTE).toList();
    double hidden = 0;
    for (Span span : communicating()) {
      for (Span beside : compute) {
        hidden +=
            Math.max(
                0, Math.min(span.end(), beside.end()) - Math.max(span.start(), beside.start()));
      }
    }
    double communication = communication();
    return communication == 0 ? 0 : hidden / communication;
  }

  /** Milliseconds during which at least one communication lane works. */
  public double communication() {
    return communicating().stream().mapToDouble(Span::duration).sum();
  }

  private List<Span> communicating() {
    return merged(spans.stream().filter(span -> span.lane() != Lane.COMPUTE).toList());
  }

  /** The times during which at least one of {@code spans} runs. */
  private static List<Span> merged(List<Span> spans) {
    List<Span> merged = new ArrayList<>();
    for (Span span : spans.stream().sorted(Comparator.comparingDouble(Span::start)).toList()) {
      Span last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
      if (last != null && span.start() <= last.end()) {
        double end = Math.max(last.end(), span.end());
        merged.set(merged.size() - 1, new Span(last.id(), last.lane(), last.start(), end));
      } else {
        merged.add(span);
      }
    }
    return merged;
  }

  /** One line a task in order of start: milliseconds from, to, lane, id. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("timeline %s, %.3f ms%n".formatted(name, makespan()));
    spans.stream()
        .sorted(Comparator.comparingDouble(Span::start).thenComparing(Span::lane))
        .forEach(
            span ->
                text.append(
                    "%10.3f %10.3f  %-10s  %s%n"
                        .formatted(
                            span.start(), span.end(), LaneNames.of(span.lane()), span.id())));
    return text.toString();
  }
}
