package org.sparkmoe.schedule.sim;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.graph.Task;
import org.sparkmoe.schedule.graph.TaskGraph;
import org.sparkmoe.schedule.graph.TaskKind;

/**
 * The most that a schedule holds in buffers between tasks at a time. What a task makes lives from
 * its start to the end of the last task that depends on it. Not counted are what stays longer than
 * the graph (tokens, results, the experts' rows) and sums in place.
 *
 * @param graph name of the graph
 * @param bytes the most at a time
 * @param millis when that is reached first
 * @param makers tasks whose buffers are alive then, in issue order
 */
public record ChunkBuffers(String graph, long bytes, double millis, List<String> makers) {

  public ChunkBuffers {
    makers = List.copyOf(makers);
  }

  /** A buffer from when to when. */
  private record Life(String maker, double bytes, double from, double to) {}

  /**
   * The peak of {@code graph} as {@code timeline} runs it.
   *
   * @param bytesPerElement of the compute type
   */
  public static ChunkBuffers peak(TaskGraph graph, Timeline timeline, int bytesPerElement) {
    List<Life> lives = lives(graph, timeline, bytesPerElement);
    List<Double> starts = lives.stream().map(Life::from).distinct().sorted().toList();
    return starts.stream()
        .map(start -> at(graph.name(), lives, start))
        .max(Comparator.comparingLong(ChunkBuffers::bytes))
        .orElse(new ChunkBuffers(graph.name(), 0, 0, List.of()));
  }

  private static ChunkBuffers at(String graph, List<Life> lives, double time) {
    List<Life> alive =
        lives.stream().filter(life -> life.from() <= time && time < life.to()).toList();
    double bytes = alive.stream().mapToDouble(Life::bytes).sum();
    return new ChunkBuffers(
        graph, Math.round(bytes), time, alive.stream().map(Life::maker).toList());
  }

  private static List<Life> lives(TaskGraph graph, Timeline timeline, int bytesPerElement) {
    Map<String, Span> spans = new HashMap<>();
    timeline.spans().forEach(span -> spans.put(span.id(), span));
    Map<String, Double> lastUse = new HashMap<>();
    for (Task task : graph.tasks()) {
      for (String dependency : task.dependencies()) {
        lastUse.merge(dependency, spans.get(task.id()).end(), Math::max);
      }
    }
    Map<String, Double> elements = elements(graph);
    List<Life> lives = new ArrayList<>();
    for (Task task : graph.tasks()) {
      Span span = spans.get(task.id());
      double size = elements.get(task.id()) * bytesPerElement;
      if (size > 0) {
        lives.add(
            new Life(task.id(), size, span.start(), lastUse.getOrDefault(task.id(), span.end())));
      }
    }
    return lives;
  }

  /** What each task makes; experts make as many elements as they are given. */
  private static Map<String, Double> elements(TaskGraph graph) {
    Map<String, Double> elements = new HashMap<>();
    Map<String, Double> combined = new HashMap<>();
    for (Task task : graph.tasks()) {
      if (task.kind() == TaskKind.COMBINE) {
        task.dependencies().forEach(id -> combined.merge(id, task.workload(), Double::sum));
      }
    }
    for (Task task : graph.tasks()) {
      elements.put(
          task.id(),
          switch (task.kind()) {
            case DISPATCH, COMBINE, ALL_GATHER, MP_ALL_GATHER -> task.workload();
            case EXPERT, EXPERT_BACKWARD, EXPERT_INPUT_GRADIENT ->
                task.dependencies().stream().mapToDouble(elements::get).sum();
            case REDUCE_SCATTER -> combined.getOrDefault(task.id(), task.workload());
            default -> 0.0;
          });
    }
    return elements;
  }

  /**
   * Refuses a schedule that needs more.
   *
   * @param limit bytes; 0 for none
   * @throws IllegalArgumentException if the peak is above it
   */
  public void requireAtMost(long limit) {
    if (limit > 0 && bytes > limit) {
      throw new IllegalArgumentException(
          "graph %s holds %,d bytes of chunks at %.3f ms (made by %s), above schedule.buffer-limit ="
                  .formatted(graph, bytes, millis, String.join(", ", makers))
              + " %,d: raise it, or lower train.micro-batch".formatted(limit));
    }
  }
}
