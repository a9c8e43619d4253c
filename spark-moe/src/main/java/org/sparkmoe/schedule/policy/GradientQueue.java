package org.sparkmoe.schedule.policy;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Dense gradients that exist and are not summed yet, oldest first. Slices are cut from it without
 * regard to layers.
 */
final class GradientQueue {
  private static final double TOLERANCE = 0.5;

  private final Deque<Part> parts = new ArrayDeque<>();

  private record Part(String producer, double elements) {}

  /** The task {@code producer} has made {@code elements} of gradient. */
  void add(String producer, double elements) {
    if (elements > 0) {
      parts.addLast(new Part(producer, elements));
    }
  }

  /**
   * Takes {@code elements}.
   *
   * @return the task that makes the last of them
   * @throws IllegalStateException if fewer are there: a layer would send what does not exist yet
   */
  String take(double elements) {
    double missing = elements;
    while (true) {
      Part part = parts.pollFirst();
      if (part == null) {
        throw new IllegalStateException(
            "a gradient slice of %s elements, of which %s do not exist yet"
                .formatted(elements, missing));
      }
      if (part.elements() > missing + TOLERANCE) {
        parts.addFirst(new Part(part.producer(), part.elements() - missing));
        return part.producer();
      }
      missing -= part.elements();
      if (missing <= TOLERANCE) {
        return part.producer();
      }
    }
  }
}
