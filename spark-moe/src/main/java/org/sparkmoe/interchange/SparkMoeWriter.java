package org.sparkmoe.interchange;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.runtime.Build;
import org.sparkmoe.train.ModelDirectory;
import org.sparkmoe.train.StoredType;
import org.sparkmoe.train.TensorSource;

/**
 * Writes a model directory of Spark MoE, which generates, is evaluated, and is what training begins
 * with if it is trained by its own configuration.
 */
public final class SparkMoeWriter {
  private final Configuration hadoop;

  public SparkMoeWriter(Configuration hadoop) {
    this.hadoop = hadoop;
  }

  /**
   * Writes {@code model} to a new directory, one tensor at a time; it appears whole.
   *
   * @param type of all tensors; null: as they are
   * @throws InterchangeException if the directory is there already
   * @throws IOException if a tensor cannot be read or the directory not be written
   */
  public void write(SourceModel model, Path directory, @Nullable StoredType type)
      throws IOException {
    NewDirectory target = NewDirectory.of(directory, hadoop);
    String text = configText(model, target.path());
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    model
        .tensors()
        .forEach(
            (name, source) ->
                tensors.put(
                    name,
                    type == null || type == source.type() ? source : new CastTensor(source, type)));
    ModelDirectory.Contents contents =
        new ModelDirectory.Contents(text, model.tokenizer(), provenance(model));
    target.fill(aside -> ModelDirectory.write(aside, contents, tensors, hadoop));
  }

  private static String configText(SourceModel model, Path directory) {
    TokenizerSpec tokenizer = model.tokenizer();
    String named =
        tokenizer.json().isEmpty()
            ? tokenizer.name()
            : new Path(directory, HuggingFaceReader.TOKENIZER_FILE).toString();
    return model
        .settings(
            "data.tokenizer=" + named,
            "train.initial-model=" + directory,
            "output.directory=" + directory + "-trained")
        .render();
  }

  private static String provenance(SourceModel model) {
    Build build = Build.read();
    try {
      return new ObjectMapper()
          .writerWithDefaultPrettyPrinter()
          .writeValueAsString(
              Map.of(
                  "converted-from", model.origin().toString(),
                  "converted", Instant.now().toString(),
                  "spark-moe", build.version(),
                  "commit", build.commit()));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("provenance cannot be written as JSON", e);
    }
  }
}
