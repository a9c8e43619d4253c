package org.sparkmoe.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.schedule.graph.Span;
import org.sparkmoe.schedule.sim.Timeline;

/**
 * The training log: one JSON object a line, {@code "type"} being {@code step}, {@code evaluation},
 * {@code rewind} or {@code schedule}, of which only the newest is kept. It travels in checkpoints,
 * so that it is whole after a restart.
 */
final class TrainingLog {
  private static final ObjectMapper JSON = new ObjectMapper(BoundedJson.FACTORY);

  private static final String STEP = "{\"type\":\"step\"";
  private static final String SCHEDULE = "{\"type\":\"schedule\"";

  private final List<String> lines = new ArrayList<>();

  List<String> lines() {
    return List.copyOf(lines);
  }

  /** Replaces all by the lines of a checkpoint. */
  void restore(List<String> written) {
    lines.clear();
    lines.addAll(written);
  }

  void add(StepMetrics metrics) {
    ObjectNode line = line("step", metrics.step());
    line.put("loss", metrics.loss());
    line.put("auxLoss", metrics.auxLoss());
    line.put("learningRate", metrics.learningRate());
    line.put("gradientNorm", metrics.gradientNorm());
    line.put("skipped", metrics.skipped());
    line.put("tokensPerSecond", metrics.tokensPerSecond());
    line.put("teraflops", metrics.teraflops());
    line.put("mfu", metrics.mfu());
    line.put("milliseconds", metrics.milliseconds());
    line.put("nativeBytes", metrics.nativeBytes());
    line.put("nativeHandles", metrics.nativeHandles());
    line.put("hostReads", metrics.hostReads());
    ArrayNode layers = line.putArray("routing");
    for (RoutingStats layer : metrics.routing()) {
      ObjectNode routing = layers.addObject();
      for (long tokens : layer.tokensPerExpert()) {
        routing.withArray("tokensPerExpert").add(tokens);
      }
      routing.put("droppedShare", layer.droppedShare());
      routing.put("gateEntropy", layer.gateEntropy());
      routing.put("imbalance", layer.imbalance());
      routing.put("auxLoss", layer.auxLoss());
    }
    if (metrics.schedule() != null) {
      line.putPOJO("schedule", metrics.schedule());
    }
    lines.add(line.toString());
  }

  void add(ScheduleTrace trace) {
    lines.removeIf(line -> line.startsWith(SCHEDULE));
    ObjectNode line = line("schedule", trace.step());
    line.put("policy", trace.policy());
    trace.forwardDegrees().forEach(line.withArray("forwardDegrees")::add);
    trace.backwardDegrees().forEach(line.withArray("backwardDegrees")::add);
    trace.measured().forEach(timeline -> write(timeline, line.withArray("measured").addObject()));
    trace.predicted().forEach(timeline -> write(timeline, line.withArray("predicted").addObject()));
    lines.add(line.toString());
  }

  private static void write(Timeline timeline, ObjectNode node) {
    node.put("name", timeline.name());
    for (Span span : timeline.spans()) {
      node.withArray("spans")
          .addObject()
          .put("id", span.id())
          .put("lane", span.lane().name())
          .put("start", span.start())
          .put("end", span.end());
    }
  }

  void add(EvaluationMetrics metrics) {
    ObjectNode line = line("evaluation", metrics.step());
    line.put("loss", metrics.loss());
    line.put("bitsPerByte", metrics.bitsPerByte());
    line.put("tokens", metrics.tokens());
    line.put("milliseconds", metrics.milliseconds());
    lines.add(line.toString());
  }

  /** Training went back to {@code step} because of a spike. */
  void addRewind(long step, LossSpikes.Spike spike) {
    ObjectNode line = line("rewind", step);
    line.put("spikeStep", spike.firstStep());
    line.put("loss", spike.loss());
    line.put("meanLoss", spike.mean());
    lines.add(line.toString());
  }

  /** Hands the losses of all logged steps to {@code each}, in order. */
  void replay(BiConsumer<Long, Double> each) {
    for (String line : lines) {
      if (!line.startsWith(STEP)) {
        continue;
      }
      JsonNode node;
      try {
        node = JSON.readTree(line);
      } catch (JsonProcessingException e) {
        throw new IllegalStateException("the training log is damaged at: " + line, e);
      }
      if (node.path("loss").isNumber()) {
        each.accept(node.path("step").asLong(), node.path("loss").asDouble());
      }
    }
  }

  private static ObjectNode line(String type, long step) {
    return JSON.createObjectNode().put("type", type).put("step", step);
  }
}
