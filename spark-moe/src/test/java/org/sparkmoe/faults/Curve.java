package org.sparkmoe.faults;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The losses in a training log, in the order of its lines.
 *
 * @param points training and evaluation
 */
record Curve(List<Point> points) {

  /** One line. */
  record Point(String type, long step, double loss) {}

  /** From a model directory. */
  static Curve of(Path model) throws IOException {
    List<Point> points = new ArrayList<>();
    for (String line : Files.readAllLines(model.resolve("training-log.jsonl"))) {
      JsonNode node = new ObjectMapper().readTree(line);
      if (!node.has("loss")) {
        continue;
      }
      points.add(
          new Point(
              node.path("type").asText(),
              node.path("step").asLong(),
              node.path("loss").asDouble()));
    }
    return new Curve(points);
  }

  /** The largest relative difference from {@code other}; infinite if steps or lines differ. */
  double difference(Curve other) {
    if (points.size() != other.points.size()) {
      return Double.POSITIVE_INFINITY;
    }
    double most = 0;
    for (int i = 0; i < points.size(); i++) {
      Point mine = points.get(i);
      Point theirs = other.points.get(i);
      if (mine.step() != theirs.step() || !mine.type().equals(theirs.type())) {
        return Double.POSITIVE_INFINITY;
      }
      most = Math.max(most, Math.abs(mine.loss() - theirs.loss()) / Math.abs(theirs.loss()));
    }
    return most;
  }

  double lastLoss() {
    return points.get(points.size() - 1).loss();
  }
}
