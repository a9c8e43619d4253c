package org.sparkmoe.schedule.graph;

import java.io.Serializable;

/**
 * When a task ran, predicted or measured.
 *
 * @param id the task's id
 * @param lane the resource that ran it
 * @param start milliseconds after the graph's start
 * @param end milliseconds after the graph's start
 */
public record Span(String id, Lane lane, double start, double end) implements Serializable {

  public Span {
    if (!(start >= 0 && end >= start)) {
      throw new IllegalArgumentException(
          "span of %s: from %s to %s ms, must not be negative nor end before it starts"
              .formatted(id, start, end));
    }
  }

  /** Milliseconds. */
  public double duration() {
    return end - start;
  }
}
