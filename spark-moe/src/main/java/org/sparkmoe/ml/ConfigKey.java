package org.sparkmoe.ml;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.Params;

/**
 * The keys of the configuration that are Params too. Their defaults and what they mean are read
 * from {@code reference.conf}, so that both ways to set a key agree.
 */
enum ConfigKey {
  RANKS("ranks", "cluster.ranks", Kind.COUNT),
  PP("pp", "cluster.pp", Kind.COUNT),
  MP("mp", "cluster.mp", Kind.COUNT),
  EP("ep", "cluster.ep", Kind.COUNT, false),
  ESP("esp", "cluster.esp", Kind.COUNT),
  DEVICE("device", "device.kind", Kind.STRING),
  ARCHITECTURE("architecture", "model.architecture", Kind.STRING),
  LAYERS("layers", "model.layers", Kind.COUNT),
  HIDDEN_SIZE("hiddenSize", "model.hidden-size", Kind.COUNT),
  HEADS("heads", "model.heads", Kind.COUNT),
  KV_HEADS("kvHeads", "model.kv-heads", Kind.SIZE),
  FEED_FORWARD_SIZE("feedForwardSize", "model.feed-forward-size", Kind.COUNT),
  MAX_SEQUENCE_LENGTH("maxSequenceLength", "model.max-sequence-length", Kind.COUNT),
  MOE_LAYERS("moeLayers", "model.moe-layers", Kind.STRING),
  EXPERTS("experts", "moe.experts", Kind.COUNT),
  TOP_K("topK", "moe.top-k", Kind.COUNT),
  CAPACITY_FACTOR("capacityFactor", "moe.capacity-factor", Kind.STRING),
  GATE("gate", "moe.gate", Kind.STRING),
  EXPERT("expert", "moe.expert", Kind.STRING),
  EXPERT_HIDDEN_SIZE("expertHiddenSize", "moe.hidden-size", Kind.COUNT),
  AUX_LOSS("auxLoss", "moe.aux-loss", Kind.SHARE),
  POLICY("policy", "schedule.policy", Kind.STRING),
  STEPS("steps", "train.steps", Kind.COUNT),
  GLOBAL_BATCH("globalBatch", "train.global-batch", Kind.COUNT),
  MICRO_BATCH("microBatch", "train.micro-batch", Kind.COUNT),
  PRECISION("precision", "train.precision", Kind.STRING),
  LEARNING_RATE("learningRate", "train.learning-rate", Kind.SHARE),
  WARMUP_STEPS("warmupSteps", "train.warmup-steps", Kind.SIZE),
  SEED("seed", "train.seed", Kind.SEED),
  TOKENIZER("tokenizer", "data.tokenizer", Kind.STRING),
  SEQUENCE_LENGTH("sequenceLength", "data.sequence-length", Kind.COUNT),
  VALIDATION_FRACTION("validationFraction", "data.validation-fraction", Kind.SHARE),
  DATA_SEED("dataSeed", "data.seed", Kind.SEED),
  OUTPUT_DIRECTORY("outputDirectory", "output.directory", Kind.STRING, false),
  CHECKPOINT_DIRECTORY("checkpointDirectory", "checkpoint.directory", Kind.STRING),
  CHECKPOINT_EVERY("checkpointEvery", "checkpoint.every", Kind.SIZE),
  RESUME("resume", "checkpoint.resume", Kind.BOOLEAN);

  private enum Kind {
    /** An int of at least 1. */
    COUNT,
    /** An int of at least 0. */
    SIZE,
    SEED,
    /** A double of at least 0. */
    SHARE,
    BOOLEAN,
    STRING
  }

  private final String param;
  private final String key;
  private final Kind kind;
  private final boolean hasDefault;

  ConfigKey(String param, String key, Kind kind) {
    this(param, key, kind, true);
  }

  ConfigKey(String param, String key, Kind kind, boolean hasDefault) {
    this.param = param;
    this.key = key;
    this.kind = kind;
    this.hasDefault = hasDefault;
  }

  /** Adds a Param for each key. */
  static void addAll(ParamTable table) {
    ConfigObject reference = ConfigFactory.defaultReferenceUnresolved().root();
    for (ConfigKey key : values()) {
      key.add(table, key.doc(reference));
    }
  }

  private void add(ParamTable table, String doc) {
    switch (kind) {
      case COUNT -> table.addInt(param, doc, ParamValidators.gtEq(1));
      case SIZE -> table.addInt(param, doc, ParamValidators.gtEq(0));
      case SHARE -> table.addDouble(param, doc, ParamValidators.gtEq(0));
      case SEED -> table.addLong(param, doc);
      case BOOLEAN -> table.addBoolean(param, doc);
      case STRING -> table.addString(param, doc);
    }
  }

  /** The comment on the key itself: once resolved, a key has that of the key it follows. */
  private String doc(ConfigObject reference) {
    ConfigValue value = reference;
    for (String part : ConfigUtil.splitPath(key)) {
      value = ((ConfigObject) value).get(part);
    }
    String comment =
        value.origin().comments().stream().map(String::strip).collect(Collectors.joining(" "));
    return "%s (%s)".formatted(comment.replaceAll("[.]$", ""), key);
  }

  /**
   * The default in {@code reference.conf}. Keys that follow another one unless they are set, or
   * whose default suits the command line alone, have none as Params.
   */
  static void setDefaults(Params stage, Config defaults) {
    for (ConfigKey key : values()) {
      if (key.hasDefault) {
        Param<Object> param = stage.getParam(key.param);
        stage.setDefault(param, key.value(defaults));
      }
    }
  }

  private Object value(Config config) {
    return switch (kind) {
      case COUNT, SIZE -> config.getInt(key);
      case SEED -> config.getLong(key);
      case SHARE -> config.getDouble(key);
      case BOOLEAN -> config.getBoolean(key);
      case STRING -> config.getString(key);
    };
  }

  /** Texts {@code key=value} of what was set. */
  static List<String> assignments(Params stage) {
    List<String> assignments = new ArrayList<>();
    for (ConfigKey key : values()) {
      Param<Object> param = stage.getParam(key.param);
      if (stage.isSet(param)) {
        assignments.add(assignment(key.key, stage.getOrDefault(param)));
      }
    }
    return assignments;
  }

  /** The text that sets {@code key}, whatever characters the value has. */
  static String assignment(String key, Object value) {
    return key + "=" + ConfigUtil.quoteString(String.valueOf(value));
  }
}
