package org.sparkmoe.interchange;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.data.Tokenizer;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.runtime.RunConfig;
import org.sparkmoe.train.ModelDirectory;
import org.sparkmoe.train.SafetensorsHeader;
import org.sparkmoe.train.SafetensorsReader;
import org.sparkmoe.train.TensorSource;

/**
 * A model that is about to be written in another layout. Its weights are read one tensor at a time,
 * when they are written.
 *
 * @param origin where it was found
 * @param configText HOCON that {@link RunConfig} binds
 * @param tokenizer of the model
 * @param tensors whole tensors by their names in Spark MoE, in the order of the forward pass
 * @param files that {@code tensors} are read from
 */
public record SourceModel(
    Path origin,
    String configText,
    TokenizerSpec tokenizer,
    Map<String, TensorSource> tensors,
    Closeable files)
    implements Closeable {

  /**
   * Opens a model directory of Spark MoE.
   *
   * @throws IOException if it is none
   * @throws InterchangeException if its tensors are not those of a model
   */
  public static SourceModel ofSparkMoe(Path path, Configuration hadoop) throws IOException {
    ModelDirectory directory = ModelDirectory.open(path, hadoop);
    SafetensorsReader file = directory.weights();
    Map<String, TensorSource> tensors = new LinkedHashMap<>();
    file.header()
        .tensors()
        .forEach((name, entry) -> tensors.put(name, new StoredTensor(file, name, entry)));
    return new SourceModel(
        path, directory.configText(), directory.tokenizer(), tensors, file::close);
  }

  private record StoredTensor(SafetensorsReader file, String name, SafetensorsHeader.Entry entry)
      implements TensorSource {
    @Override
    public org.sparkmoe.train.StoredType type() {
      return entry.type();
    }

    @Override
    public long[] shape() {
      return entry.shape();
    }

    @Override
    public org.bytedeco.pytorch.Tensor load() throws IOException {
      return file.read(name);
    }
  }

  /**
   * The settings, with some of them changed.
   *
   * @param assignments texts {@code key=value}
   */
  ConfigSource settings(String... assignments) {
    return ConfigSource.parse(
        RunConfig.SECTIONS, configText, new ArrayList<>(List.of(assignments)));
  }

  /**
   * The settings, checked.
   *
   * @throws org.sparkmoe.conf.ConfigurationException if they do not suit
   */
  public RunConfig config() {
    return RunConfig.bind(settings());
  }

  /** V, number of token ids. */
  int vocabSize() {
    try (Tokenizer open = tokenizer.open()) {
      return open.vocabSize();
    }
  }

  @Override
  public void close() throws IOException {
    files.close();
  }
}
