package org.sparkmoe.runtime.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.ScheduleTrace;
import org.sparkmoe.train.StepMetrics;

/**
 * How a training went.
 *
 * @param steps in order; need not be all
 * @param evaluations in order
 * @param schedule the plan in use at the end; null where no schedule ran
 */
public record TrainingHistory(
    List<StepMetrics> steps,
    List<EvaluationMetrics> evaluations,
    @Nullable ScheduleTrace schedule) {

  public TrainingHistory {
    steps = List.copyOf(steps);
    evaluations = List.copyOf(evaluations);
  }

  /**
   * Reads the lines of a training log.
   *
   * @throws JsonProcessingException if a line is not JSON of that form
   */
  public static TrainingHistory of(List<String> log) throws JsonProcessingException {
    ObjectMapper json =
        new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    List<StepMetrics> steps = new ArrayList<>();
    List<EvaluationMetrics> evaluations = new ArrayList<>();
    ScheduleTrace schedule = null;
    for (String line : log) {
      JsonNode node = json.readTree(line);
      switch (node.path("type").asText()) {
        case "step" -> steps.add(json.treeToValue(node, StepMetrics.class));
        case "evaluation" -> evaluations.add(json.treeToValue(node, EvaluationMetrics.class));
        case "schedule" -> schedule = json.treeToValue(node, ScheduleTrace.class);
        default -> {
          // A later version's lines are not drawn.
        }
      }
    }
    return new TrainingHistory(steps, evaluations, schedule);
  }
}
