package org.sparkmoe.runtime;

import java.io.IOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.bytedeco.pytorch.Device;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.data.Tokenizer;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.GenerationConfig;
import org.sparkmoe.train.ModelDirectory;
import org.sparkmoe.train.TextGenerator;

/** A model directory and the configuration that lies in it. */
public final class TrainedModel {
  private final ModelDirectory directory;
  private final RunConfig config;

  private TrainedModel(ModelDirectory directory, RunConfig config) {
    this.directory = directory;
    this.config = config;
  }

  /**
   * Opens a model directory; reads no weights yet.
   *
   * @param assignments texts {@code key=value} over the model's configuration
   * @throws IOException if it is not a complete model directory
   * @throws org.sparkmoe.conf.ConfigurationException if the configuration does not suit
   */
  public static TrainedModel open(Path path, List<String> assignments, Configuration hadoop)
      throws IOException {
    ModelDirectory directory = ModelDirectory.open(path, hadoop);
    ConfigSource source =
        ConfigSource.parse(RunConfig.SECTIONS, directory.configText(), assignments);
    return new TrainedModel(directory, RunConfig.bind(source));
  }

  /** What the model was trained with, and what was assigned over it. */
  public RunConfig config() {
    return config;
  }

  /** Names the tokenizer that the model was trained with. */
  TokenizerSpec tokenizerSpec() {
    return directory.tokenizer();
  }

  /** Where it lies. */
  public Path path() {
    return directory.path();
  }

  /**
   * This rank's part of the model with its trained weights.
   *
   * @throws IOException if the weights cannot be read or are not this model's
   */
  LanguageModel load(RankGroups groups, Device device) throws IOException {
    ParameterInitializer initializer =
        new ParameterInitializer(config.train().seed(), config.train().precision(), device);
    LanguageModel model =
        LanguageModel.create(config.model(), config.moe(), vocabSize(), groups, initializer);
    try {
      directory.loadInto(model);
      return model;
    } catch (IOException | RuntimeException e) {
      model.close();
      throw e;
    }
  }

  /** V, number of token ids. */
  int vocabSize() {
    try (Tokenizer tokenizer = tokenizer()) {
      return tokenizer.vocabSize();
    }
  }

  /** The tokenizer that the model was trained with; the caller closes it. */
  Tokenizer tokenizer() {
    return directory.tokenizer().open();
  }

  /**
   * Lets the model write, in this JVM alone.
   *
   * @param prompt what it goes on from
   * @return what it adds
   * @throws IOException if the weights cannot be read or are not this model's
   */
  public String generate(String prompt, GenerationConfig generation) throws IOException {
    try (LanguageModel model = load(RankGroups.single(), new Device("cpu"));
        Tokenizer tokenizer = tokenizer()) {
      return new TextGenerator(model, tokenizer, config.data().sequenceLength())
          .generate(prompt, generation);
    }
  }
}
