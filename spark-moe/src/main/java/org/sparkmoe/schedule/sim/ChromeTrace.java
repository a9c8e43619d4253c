package org.sparkmoe.schedule.sim;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.sparkmoe.schedule.graph.Lane;
import org.sparkmoe.schedule.graph.Span;

/**
 * Timelines as Chrome trace events, which Perfetto opens: a process a timeline, a thread a lane, so
 * that a predicted and a measured timeline can be laid side by side.
 */
public final class ChromeTrace {
  static final double MICROS_PER_MILLI = 1000;
  private static final ObjectMapper JSON = new ObjectMapper();

  private ChromeTrace() {}

  /** The JSON text of {@code timelines}. */
  public static String of(List<Timeline> timelines) {
    ObjectNode trace = JSON.createObjectNode();
    ArrayNode events = trace.putArray("traceEvents");
    for (int process = 0; process < timelines.size(); process++) {
      Timeline timeline = timelines.get(process);
      name(events.addObject(), "process_name", process, timeline.name());
      for (Lane lane : Lane.values()) {
        name(events.addObject(), "thread_name", process, LaneNames.of(lane))
            .put("tid", lane.ordinal());
      }
      for (Span span : timeline.spans()) {
        events
            .addObject()
            .put("name", span.id())
            .put("cat", LaneNames.of(span.lane()))
            .put("ph", "X")
            .put("pid", process)
            .put("tid", span.lane().ordinal())
            .put("ts", span.start() * MICROS_PER_MILLI)
            .put("dur", span.duration() * MICROS_PER_MILLI);
      }
    }
    return trace.toString();
  }

  /**
   * The timelines of a text that {@link #of} made.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static List<Timeline> read(String text) {
    return ChromeTraceReader.read(text);
  }

  private static ObjectNode name(ObjectNode event, String what, int process, String name) {
    event.put("name", what).put("ph", "M").put("pid", process).putObject("args").put("name", name);
    return event;
  }
}
