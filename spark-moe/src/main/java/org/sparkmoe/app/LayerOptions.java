package org.sparkmoe.app;

import com.typesafe.config.ConfigException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.schedule.cost.CostModels;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.cost.LayerWorkload;
import org.sparkmoe.schedule.cost.Testbed;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A model's layers over a cluster's cost models. */
final class LayerOptions {
  @Mixin private ConfigOptions options;

  @Option(
      names = "--model",
      paramLabel = "FILE",
      description = "A configuration of which the model alone matters, in place of --conf.")
  private @Nullable Path model;

  @Option(
      names = "--models",
      required = true,
      paramLabel = "FILE",
      description = "Cost models of a cluster, for example conf/testbeds/a.conf.")
  private Path models;

  /**
   * What a policy plans for.
   *
   * @param layers one workload for each MoE layer of the model
   */
  record Stack(Testbed testbed, LayerShape shape, List<LayerWorkload> layers, CostModels costs) {}

  Stack read() {
    RunConfig config = RunConfig.bind(source());
    if (config.model().moeLayerCount() == 0) {
      throw new RefusedException("model.moe-layers is none: there is nothing to schedule");
    }
    LayerShape shape = config.layerShape();
    try {
      Testbed testbed = testbed(models);
      return new Stack(
          testbed,
          shape,
          Collections.nCopies(config.model().moeLayerCount(), testbed.workload(shape)),
          testbed.models(shape));
    } catch (IllegalArgumentException e) {
      throw new RefusedException(e.getMessage());
    }
  }

  private ConfigSource source() {
    if (model != null && options.hasFile()) {
      throw new RefusedException("--model stands in place of --conf: name one of them");
    }
    if (model != null && (!Files.isReadable(model) || Files.isDirectory(model))) {
      throw new RefusedException("--model is \"%s\", must be a readable file".formatted(model));
    }
    ConfigSource source = options.source(model, List.of());
    // Nothing is read: a model that names no text yet can be planned for.
    return isEmpty(source, "data.paths") && isEmpty(source, "data.sources")
        ? options.source(model, List.of("data.format=dataset"))
        : source;
  }

  private static boolean isEmpty(ConfigSource source, String key) {
    Object value = source.effective().getValue(key).unwrapped();
    return value.equals(List.of()) || value.equals(Map.of());
  }

  static Testbed testbed(Path file) {
    if (!Files.isReadable(file)) {
      throw new RefusedException("cost models %s: must be a file that can be read".formatted(file));
    }
    try {
      return Testbed.read(file);
    } catch (ConfigException e) {
      throw new RefusedException("cost models %s: %s".formatted(file, e.getMessage()));
    }
  }
}
