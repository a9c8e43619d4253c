package org.sparkmoe.schedule.sim;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.schedule.graph.Span;

/**
 * One run of a graph beside its prediction.
 *
 * @param name of the graph
 * @param measured when its tasks ran
 * @param predicted when they were to run; null if the trace does not say
 */
public record TracedGraph(String name, Timeline measured, @Nullable Timeline predicted) {
  /** What the names of measured and of predicted timelines begin with. */
  public static final String MEASURED = "measured ";

  public static final String PREDICTED = "predicted ";

  /** The measured timelines, in order, each with the prediction of the same graph. */
  public static List<TracedGraph> pair(List<Timeline> timelines) {
    Map<String, Timeline> predictions = new HashMap<>();
    for (Timeline timeline : timelines) {
      if (timeline.name().startsWith(PREDICTED)) {
        predictions.put(timeline.name().substring(PREDICTED.length()), timeline);
      }
    }
    return timelines.stream()
        .filter(timeline -> timeline.name().startsWith(MEASURED))
        .map(
            timeline -> {
              String name = timeline.name().substring(MEASURED.length());
              return new TracedGraph(name, timeline, predictions.get(name));
            })
        .toList();
  }

  /** The part that belongs to a MoE layer: the graph, if it is the layer's own, or its tasks. */
  public Optional<TracedGraph> ofLayer(int layer) {
    if (name.endsWith("-" + layer)) {
      return Optional.of(this);
    }
    Timeline own = ofLayer(measured, layer);
    TracedGraph part =
        new TracedGraph(name, own, predicted == null ? null : ofLayer(predicted, layer));
    return own.spans().isEmpty() ? Optional.empty() : Optional.of(part);
  }

  private static Timeline ofLayer(Timeline timeline, int layer) {
    return new Timeline(
        timeline.name(),
        timeline.spans().stream()
            .filter(span -> span.id().matches("[fb]%d\\..*".formatted(layer)))
            .toList());
  }

  /** Both timelines, the measured one first. */
  public List<Timeline> timelines() {
    List<Timeline> both = new ArrayList<>(List.of(measured));
    if (predicted != null) {
      both.add(predicted);
    }
    return both;
  }

  /** Share of the time of communication during which computation ran too, over all graphs. */
  public static double hiddenCommunication(List<Timeline> timelines) {
    double communication = timelines.stream().mapToDouble(Timeline::communication).sum();
    double hidden =
        timelines.stream().mapToDouble(t -> t.hiddenCommunication() * t.communication()).sum();
    return communication == 0 ? 0 : hidden / communication;
  }

  /** One line with both times, the error of the prediction and the hidden communication. */
  public String summary() {
    String hidden =
        "%3.0f %% of communication hidden".formatted(100 * measured.hiddenCommunication());
    return predicted == null
        ? "%-32s %10.3f ms measured, %s".formatted(name, measured.makespan(), hidden)
        : "%-32s %10.3f ms measured, %10.3f ms predicted (%+.0f %%), %s"
            .formatted(
                name,
                measured.makespan(),
                predicted.makespan(),
                100 * (predicted.makespan() / measured.makespan() - 1),
                hidden);
  }

  /**
   * The summary, then one line a task in order of its measured start: milliseconds from, to, both
   * measured and predicted, lane, id.
   */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(summary()).append("\n");
    text.append("      measured from, to     predicted from, to  lane        task\n");
    Map<String, Span> predictions =
        predicted == null
            ? Map.of()
            : predicted.spans().stream().collect(Collectors.toMap(Span::id, Function.identity()));
    measured.spans().stream()
        .sorted(Comparator.comparingDouble(Span::start).thenComparing(Span::lane))
        .forEach(span -> text.append(line(span, predictions.get(span.id()))));
    return text.toString();
  }

  private static String line(Span span, @Nullable Span prediction) {
    String expected =
        prediction == null
            ? "%10s %10s".formatted("–", "–")
            : "%10.3f %10.3f".formatted(prediction.start(), prediction.end());
    return "%10.3f %10.3f  %s  %-10s  %s\n"
        .formatted(span.start(), span.end(), expected, LaneNames.of(span.lane()), span.id());
  }
}
