package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.DoubleBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.data.TokenizerSpec;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.Topology;

/** A pipeline trains what one rank trains; the global batch is 8 sequences. */
class PipelineTrainingTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    // ranks, stages, mp, ep, micro-batch; the last has fewer micro-batches than stages
    "2, 2, 1, 1, 2",
    "4, 2, 1, 2, 2",
    "4, 2, 1, 1, 2",
    "4, 2, 2, 1, 8",
  })
  void aPipelineGivesTheCurveOfTheSameLayoutWithoutOneAndOfOneRank(
      int ranks, int stages, int mp, int ep, int microBatch) {
    TrainConfig config = TrainConfigs.of(8, microBatch);
    Topology staged = new Topology(ranks, ranks, stages, mp, ep, 1);
    Topology flat = new Topology(ranks / stages, ranks / stages, mp, ep, 1);

    assertSame(run("staged", staged, config), run("flat", flat, config));
    // Balancing looks at a micro-batch, whose sequences depend on DP.
    Curves.assertClose(
        TrainingFixture.train(staged, setup("a", config), 0).losses(),
        TrainingFixture.train(Topology.single(), setup("b", config), 0).losses(),
        1e-4);
  }

  private static void assertSame(TrainingFixture.Run run, TrainingFixture.Run expected) {
    Curves.assertClose(run.losses(), expected.losses(), 1e-4);
    Curves.assertClose(run.auxLosses(), expected.auxLosses(), 1e-4);
    Curves.assertClose(run.norms(), expected.norms(), 1e-3);
    assertThat(run.summary().validation().loss())
        .isCloseTo(expected.summary().validation().loss(), offset(1e-4));
    for (int step = 0; step < run.steps().size(); step++) {
      assertThat(run.steps().get(step).routing())
          .usingRecursiveComparison()
          .withComparatorForType(
              (a, b) -> Math.abs(a - b) < 1e-3 ? 0 : Double.compare(a, b), Double.class)
          .isEqualTo(expected.steps().get(step).routing());
    }
  }

  @Test
  void bothSchedulesGiveTheSameBits() {
    Topology topology = new Topology(4, 4, 2, 1, 2, 1);
    TrainingFixture.Run[] runs = new TrainingFixture.Run[2];
    for (PipelineSchedule schedule : PipelineSchedule.values()) {
      runs[schedule.ordinal()] =
          run(schedule.name(), topology, TrainConfigs.withSchedule(6, 1, schedule));
    }

    assertThat(runs[1].losses()).containsExactly(runs[0].losses());
    assertThat(runs[1].norms()).containsExactly(runs[0].norms());
    assertThat(runs[1].summary().validation().loss())
        .isEqualTo(runs[0].summary().validation().loss());
  }

  @ParameterizedTest
  @CsvSource({"2, 1", "1, 2", "2, 2"})
  void trainingGoesOnFromACheckpointWithAnotherNumberOfStages(int before, int after)
      throws IOException {
    double[] whole = run("whole", stages(before), TrainConfigs.of(10, 2)).losses();

    run(stages(before), checkpoints(false));
    deleteCheckpoint(10);
    double[] rest = run(stages(after), checkpoints(true)).losses();

    double[] expected = Arrays.copyOfRange(whole, 6, 10);
    if (before == after) {
      assertThat(rest).containsExactly(expected);
    } else {
      Curves.assertClose(rest, expected, 1e-4);
    }
  }

  @Test
  void aModelDirectoryIsReadByEachStageAndLogitsReachAllRanks() throws IOException {
    TrainingFixture.Run run = run("c", stages(2), TrainConfigs.of(3, 2));
    ModelDirectory model =
        ModelDirectory.publish(
            path("model"),
            new org.apache.hadoop.fs.Path(run.summary().checkpoint()),
            new ModelDirectory.Contents("", new TokenizerSpec("byte", ""), "{}"),
            new Configuration());

    List<double[]> one = logits(Topology.single(), model);
    List<double[]> staged = logits(new Topology(4, 4, 2, 2, 1, 2), model);

    assertThat(staged).hasSize(4);
    assertThat(staged).allSatisfy(l -> assertThat(l).containsExactly(one.get(0), offset(1e-5)));
  }

  private static List<double[]> logits(Topology topology, ModelDirectory directory) {
    return Ranks.run(
        topology,
        groups -> {
          LanguageModel model = TrainingFixture.model(groups, TrainConfigs.of(3, 2), 16);
          try (TensorScope scope = TensorScope.open()) {
            directory.loadInto(model);
            Tensor ids = Tensor.create(new long[] {1, 5, 9, 2, 30, 0}, 2, 3);
            double[] values = new double[2 * 3 * TrainingFixture.VOCABULARY];
            model
                .logits(ids)
                .to(torch.ScalarType.Double)
                .contiguous()
                .<DoubleBuffer>createBuffer()
                .get(values);
            return values;
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private CheckpointConfig checkpoints(boolean resume) {
    return new CheckpointConfig(path("checkpoints").toString(), 6, 9, true, resume);
  }

  private void deleteCheckpoint(int step) throws IOException {
    path("")
        .getFileSystem(new Configuration())
        .delete(path("checkpoints/step-%08d".formatted(step)), true);
  }

  private org.apache.hadoop.fs.Path path(String name) {
    return new org.apache.hadoop.fs.Path(directory.resolve(name).toUri());
  }

  private static Topology stages(int stages) {
    return new Topology(stages, stages, stages, 1, 1, 1);
  }

  private static TrainingFixture.Run run(Topology topology, CheckpointConfig checkpoints) {
    return TrainingFixture.train(
        topology, TrainingFixture.setup(TrainConfigs.of(10, 2), checkpoints));
  }

  private TrainingFixture.Run run(String name, Topology topology, TrainConfig config) {
    return TrainingFixture.train(topology, setup(name, config));
  }

  private TrainSetup setup(String name, TrainConfig config) {
    return TrainingFixture.setup(config, directory.resolve(name));
  }
}
