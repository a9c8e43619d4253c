package org.sparkmoe.runtime;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.sparkmoe.conf.ConfigBinder;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.conf.ConfigurationException;
import org.sparkmoe.data.DataConfig;
import org.sparkmoe.model.ModelConfig;
import org.sparkmoe.moe.MoeConfig;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.policy.ScheduleConfig;
import org.sparkmoe.topology.ClusterConfig;
import org.sparkmoe.topology.Topology;
import org.sparkmoe.train.CheckpointConfig;
import org.sparkmoe.train.HealthConfig;
import org.sparkmoe.train.TrainConfig;

/**
 * All that a run is told; each section has its own record.
 *
 * @param data which text and how it is cut
 * @param model the model around the MoE layers
 * @param moe the MoE layers
 * @param train how to train
 * @param schedule how MoE layers run
 * @param checkpoint when and where checkpoints are written
 * @param health what is watched while training runs
 * @param cluster ranks and how they are grouped
 * @param device where ranks compute
 * @param restart what happens when a rank fails
 * @param output what training leaves behind
 * @param spark Spark properties without {@code spark.} in front
 */
public record RunConfig(
    DataConfig data,
    ModelConfig model,
    MoeConfig moe,
    TrainConfig train,
    ScheduleConfig schedule,
    CheckpointConfig checkpoint,
    HealthConfig health,
    ClusterConfig cluster,
    DeviceConfig device,
    RestartConfig restart,
    OutputConfig output,
    Map<String, String> spark)
    implements Serializable {
  /** As Spark's own spark.redaction.regex, by which it hides values. */
  private static final Pattern SECRET = Pattern.compile("(?i)secret|password|token|access[.]?key");

  /** The top-level keys. */
  public static final Set<String> SECTIONS =
      Arrays.stream(RunConfig.class.getRecordComponents())
          .map(component -> component.getName())
          .collect(Collectors.toUnmodifiableSet());

  /**
   * Binds and checks everything.
   *
   * @throws ConfigurationException with all problems of the values, or, if each is right by itself,
   *     of their combination
   */
  public static RunConfig bind(ConfigSource source) {
    RunConfig config = ConfigBinder.bind(source, RunConfig.class);
    List<String> problems = config.combinationProblems();
    if (!problems.isEmpty()) {
      throw new ConfigurationException(problems);
    }
    return config;
  }

  /** The sizes of a block with experts, for cost models. */
  public LayerShape layerShape() {
    return new LayerShape(
        train.microBatch(),
        model.heads(),
        data.sequenceLength(),
        model.hiddenSize(),
        moe.hiddenSize(),
        moe.topK() * (moe.dropless() ? 1 : moe.factor()),
        moe.expert().equals("mixtral") ? ExpertType.MIXTRAL : ExpertType.SIMPLE);
  }

  /** The same on other ranks, going on from the newest checkpoint. */
  RunConfig resumedOn(ClusterConfig other) {
    return new RunConfig(
        data,
        model,
        moe,
        train,
        schedule,
        checkpoint.withResume(true),
        health,
        other,
        device,
        restart,
        output,
        spark);
  }

  /** Why the sections do not fit together; empty if they do. */
  List<String> combinationProblems() {
    Topology topology = cluster.topology();
    List<String> problems = new ArrayList<>(model.layoutProblems(topology));
    problems.addAll(secretProblems());
    problems.addAll(model.batchProblems(topology, train.microBatch(), data.sequenceLength()));
    if (model.moeLayerCount() > 0) {
      problems.addAll(expertProblems());
    }
    try {
      train.microBatches(topology.nDp());
    } catch (IllegalArgumentException e) {
      problems.add(e.getMessage());
    }
    return problems;
  }

  /** The configuration is written to the model directory, and shown. */
  private List<String> secretProblems() {
    return spark.keySet().stream()
        .filter(key -> SECRET.matcher(key).find())
        .map(
            key ->
                ("spark.%s is set, must be left out, since the configuration is written to the"
                        + " model directory: give it to spark-submit by --conf")
                    .formatted(key))
        .toList();
  }

  private List<String> expertProblems() {
    List<String> problems = new ArrayList<>();
    if (moe.experts() % cluster.ep() != 0) {
      problems.add(
          "moe.experts is %d, must be a multiple of cluster.ep = %d"
              .formatted(moe.experts(), cluster.ep()));
    }
    if (moe.hiddenSize() % cluster.esp() != 0) {
      problems.add(
          "moe.hidden-size is %d, must be a multiple of cluster.esp = %d"
              .formatted(moe.hiddenSize(), cluster.esp()));
    }
    return problems;
  }
}
