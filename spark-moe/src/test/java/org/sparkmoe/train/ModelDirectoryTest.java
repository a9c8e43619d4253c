package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.DoubleBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.data.ByteTokenizer;
import org.sparkmoe.data.Tokenizer;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.Topology;

class ModelDirectoryTest {
  private static final TrainConfig CONFIG = TrainConfigs.of(6, 4);
  private static final Topology FOUR = new Topology(4, 4, 2, 2, 2);

  @TempDir Path directory;

  @Test
  void aModelTrainedOnFourRanksIsReadAtAnyLayoutWithTheSameLogits() throws IOException {
    ModelDirectory model = publish();

    assertThat(model.configText()).isEqualTo("train.steps = 6\n");
    assertThat(model.tokenizer().name()).isEqualTo("byte");
    assertThat(model.trainingLog()).hasSize(7).last().asString().contains("bitsPerByte");
    double[] one = logits(Topology.single(), model);
    Curves.assertClose(logits(FOUR, model), one, 1e-4);
    Curves.assertClose(logits(new Topology(2, 2, 1, 1, 2), model), one, 1e-4);
  }

  @Test
  void aModelOfAnotherShapeIsRefusedWithTensorAndShapes() throws IOException {
    ModelDirectory model = publish();

    assertThatThrownBy(
            () ->
                Ranks.run(
                    Topology.single(),
                    groups -> {
                      load(model, TrainingFixture.model(groups, CONFIG, 24));
                      return null;
                    }))
        .hasStackTraceContaining("tensor \"embedding.token.weight\" has shape [31, 16]")
        .hasStackTraceContaining("must have [31, 24]");
  }

  @Test
  void aDirectoryWithoutWeightsIsNoModel() {
    assertThatThrownBy(() -> ModelDirectory.open(path(directory), new Configuration()))
        .hasMessageContaining("has no model.safetensors");
  }

  @Test
  void theSameSeedWritesTheSameTextAndGreedyNeedsNone() throws IOException {
    ModelDirectory model = publish();
    Ranks.run(
        Topology.single(),
        groups -> {
          LanguageModel loaded = TrainingFixture.model(groups, CONFIG, 16);
          load(model, loaded);
          // Ids 0 to 30 are control characters to the byte tokenizer: one character a token.
          TextGenerator generator =
              new TextGenerator(loaded, new ControlTokenizer(), TrainingFixture.LENGTH);
          GenerationConfig sampled = new GenerationConfig(40, 0.8, 10, 0.9, 11);
          List<String> pieces = new ArrayList<>();
          String text = generator.generate("\u0003\u0007", sampled, pieces::add);
          assertThat(String.join("", pieces)).isEqualTo(text);
          assertThat(generator.generate("\u0003\u0007", sampled)).isEqualTo(text);
          assertThat(generator.generate("\u0003", GenerationConfig.greedy(20)))
              .isEqualTo(generator.generate("\u0003", GenerationConfig.greedy(20)));
          return null;
        });
  }

  private ModelDirectory publish() throws IOException {
    TrainingFixture.Run run =
        TrainingFixture.train(FOUR, TrainingFixture.setup(CONFIG, directory.resolve("c")));
    org.apache.hadoop.fs.Path target = path(directory.resolve("model"));
    ModelDirectory.publish(
        target,
        new org.apache.hadoop.fs.Path(run.summary().checkpoint()),
        new ModelDirectory.Contents("train.steps = 6\n", new TokenizerSpec("byte", ""), "{}"),
        new Configuration());
    assertThat(Files.exists(directory.resolve("model/provenance.json"))).isTrue();
    return ModelDirectory.open(target, new Configuration());
  }

  private static double[] logits(Topology topology, ModelDirectory directory) {
    return Ranks.run(
            topology,
            groups -> {
              LanguageModel model = TrainingFixture.model(groups, CONFIG, 16);
              load(directory, model);
              try (TensorScope scope = TensorScope.open()) {
                Tensor ids = Tensor.create(new long[] {1, 5, 9, 2, 30, 0, 7, 7}, 2, 4);
                double[] values = new double[2 * 4 * TrainingFixture.VOCABULARY];
                model
                    .logits(ids)
                    .to(ScalarType.Double)
                    .contiguous()
                    .<DoubleBuffer>createBuffer()
                    .get(values);
                return values;
              }
            })
        .get(topology.world() - 1);
  }

  private static void load(ModelDirectory directory, LanguageModel model) {
    try {
      directory.loadInto(model);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static org.apache.hadoop.fs.Path path(Path path) {
    return new org.apache.hadoop.fs.Path(path.toUri());
  }

  /** Bytes 0 to 29; 30 is end-of-text. */
  private static final class ControlTokenizer implements Tokenizer {
    private final ByteTokenizer bytes = new ByteTokenizer();

    @Override
    public int[] encode(String text) {
      return bytes.encode(text);
    }

    @Override
    public String decode(int[] tokens) {
      return bytes.decode(tokens);
    }

    @Override
    public int vocabSize() {
      return TrainingFixture.VOCABULARY;
    }

    @Override
    public int endOfText() {
      return 30;
    }

    @Override
    public String describe() {
      return "control characters";
    }
  }
}
