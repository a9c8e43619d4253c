package org.sparkmoe.runtime;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;

/**
 * How the loss went, from a training log.
 *
 * @param training of the training batches
 * @param validation of the evaluations
 */
record LossCurve(List<Point> training, List<Point> validation) {

  /**
   * One point.
   *
   * @param step steps done
   * @param loss nats a token
   */
  record Point(long step, double loss) {}

  /**
   * Reads the lines of a log.
   *
   * @throws JsonProcessingException if a line is not JSON
   */
  static LossCurve of(List<String> log) throws JsonProcessingException {
    ObjectMapper json = new ObjectMapper();
    List<Point> training = new ArrayList<>();
    List<Point> validation = new ArrayList<>();
    for (String line : log) {
      JsonNode node = json.readTree(line);
      Point point = new Point(node.path("step").asLong(), node.path("loss").asDouble());
      ("evaluation".equals(node.path("type").asText()) ? validation : training).add(point);
    }
    return new LossCurve(training, validation);
  }
}
