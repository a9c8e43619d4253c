package org.sparkmoe.schedule.sim;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;

/** Reads what {@link ChromeTrace} writes. */
final class ChromeTraceReader {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<Integer, String> names = new TreeMap<>();
  private final Map<Integer, List<Span>> spans = new TreeMap<>();

  private ChromeTraceReader() {}

  static List<Timeline> read(String text) {
    JsonNode events;
    try {
      events = JSON.readTree(text).path("traceEvents");
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("no JSON: " + e.getOriginalMessage(), e);
    }
    if (!events.isArray()) {
      throw new IllegalArgumentException("no array 'traceEvents', must be a Chrome trace");
    }
    ChromeTraceReader reader = new ChromeTraceReader();
    events.forEach(reader::add);
    return reader.names.entrySet().stream()
        .map(e -> new Timeline(e.getValue(), reader.spans.getOrDefault(e.getKey(), List.of())))
        .toList();
  }

  private void add(JsonNode event) {
    int process = event.path("pid").asInt();
    switch (event.path("ph").asText()) {
      case "M" -> {
        if (event.path("name").asText().equals("process_name")) {
          names.put(process, event.path("args").path("name").asText());
        }
      }
      case "X" -> spans.computeIfAbsent(process, id -> new ArrayList<>()).add(span(event));
      default -> {
        // Other programs' events are no spans of ours.
      }
    }
  }

  private static Span span(JsonNode event) {
    int lane = event.path("tid").asInt(-1);
    if (lane < 0 || lane >= Lane.values().length) {
      throw new IllegalArgumentException(
          "event %s: tid %d, must be a lane from 0 to %d"
              .formatted(event.path("name").asText(), lane, Lane.values().length - 1));
    }
    double start = event.path("ts").asDouble() / ChromeTrace.MICROS_PER_MILLI;
    double duration = event.path("dur").asDouble() / ChromeTrace.MICROS_PER_MILLI;
    return new Span(event.path("name").asText(), Lane.values()[lane], start, start + duration);
  }
}
