package org.sparkmoe.runtime;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.sparkmoe.data.DataCounts;
import org.sparkmoe.train.TrainingSummary;

/**
 * Where a model comes from.
 *
 * @param software name to version, the commit of Spark MoE included
 * @param machine of the driver
 * @param spark master and executors
 * @param data what was read and made of it
 * @param paths where from
 * @param seeds {@code data.seed} and {@code train.seed}
 * @param started when the command began, UTC
 * @param ended when training had ended, UTC
 * @param result how training ended
 */
public record Provenance(
    Map<String, String> software,
    Map<String, String> machine,
    Map<String, String> spark,
    DataCounts data,
    List<String> paths,
    Map<String, Long> seeds,
    String started,
    String ended,
    TrainingSummary result) {

  /** Collects what is known at the end of training. */
  public static Provenance of(
      SparkContext context,
      RunConfig config,
      DataCounts data,
      Instant started,
      TrainingSummary result) {
    Build build = Build.read();
    return new Provenance(
        Map.of(
            "spark-moe", build.version(),
            "commit", build.commit(),
            "pytorch", build.pytorch(),
            "spark", context.version(),
            "java", Runtime.version().toString()),
        Map.of(
            "os", System.getProperty("os.name") + " " + System.getProperty("os.version"),
            "architecture", System.getProperty("os.arch"),
            "processors", String.valueOf(Runtime.getRuntime().availableProcessors())),
        Map.of(
            "master", context.master(),
            "ranks", String.valueOf(config.cluster().ranks())),
        data,
        config.data().paths(),
        Map.of("data", config.data().seed(), "train", config.train().seed()),
        started.toString(),
        Instant.now().toString(),
        result);
  }

  /** Indented JSON. */
  public String toJson() {
    try {
      return new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("provenance cannot be written as JSON", e);
    }
  }
}
