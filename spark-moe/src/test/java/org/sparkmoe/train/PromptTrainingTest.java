package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.hadoop.fs.FileUtil;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.model.LanguageModel;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.Topology;

/** Training on sequences whose first tokens are context only, each with another number of them. */
class PromptTrainingTest {
  private static final TrainingFixture.Workload PROMPTS =
      TrainingFixture.Workload.of("mixtral", 2, 0.05).on(6, PromptTrainingTest::text);
  private static final int GLOBAL_BATCH = 8;

  @TempDir Path directory;

  @Test
  void everyLayoutDividesByTheTargetsOfTheGlobalBatch() {
    TrainingFixture.Run single = train(Topology.single(), "single");
    for (Topology topology :
        List.of(
            new Topology(2, 2, 1, 1, 1),
            new Topology(2, 2, 2, 1, 2),
            new Topology(4, 4, 2, 2, 1),
            new Topology(2, 2, 2, 1, 1, 1))) {
      TrainingFixture.Run run = train(topology, topology.toString());

      Curves.assertClose(run.losses(), single.losses(), 1e-4);
      Curves.assertClose(run.norms(), single.norms(), 1e-3);
      assertThat(run.summary().validation().loss())
          .isCloseTo(single.summary().validation().loss(), within(1e-3));
      assertThat(run.summary().validation().tokens())
          .isEqualTo(single.summary().validation().tokens());
    }
  }

  @Test
  void theFirstLossIsTheMeanOverItsTargetsInPlainLoops() {
    TrainingFixture.Run run = train(Topology.single(), "run");
    double sum = 0;
    int targets = 0;
    for (long position = 0; position < GLOBAL_BATCH; position++) {
      int[] row = text(position);
      double[][] losses = losses(tokens(row));
      for (int place = 1; place < row.length; place++) {
        if (row[place] >= 0) {
          sum += losses[place - 1][row[place]];
          targets++;
        }
      }
    }

    assertThat(run.losses()[0]).isCloseTo(sum / targets, within(1e-5));
  }

  @Test
  void evaluationCountsTargetsAlone() {
    long targets =
        LongStream.range(1_000_000, 1_000_000 + 2 * GLOBAL_BATCH)
            .mapToObj(PromptTrainingTest::text)
            .flatMapToInt(row -> Arrays.stream(row).skip(1))
            .filter(entry -> entry >= 0)
            .count();

    EvaluationMetrics metrics = train(Topology.single(), "run").summary().validation();

    assertThat(metrics.tokens()).isEqualTo(targets).isLessThan(2L * GLOBAL_BATCH * 16);
  }

  @Test
  void aBatchOfContextAloneIsNoFailure() {
    TrainingFixture.Run run =
        TrainingFixture.train(
            Topology.single(),
            TrainingFixture.setup(TrainConfigs.of(2, 8), directory),
            PROMPTS.on(
                6,
                position -> Arrays.stream(TrainingFixture.text(position)).map(t -> ~t).toArray()));

    assertThat(run.losses()).containsOnly(0.0);
    assertThat(run.summary().skippedSteps()).isZero();
  }

  @Test
  void resumingContinuesTheCurveBitForBit() {
    double[] whole = train(Topology.single(), checkpoints(false)).losses();
    Path last = directory.resolve("checkpoints/step-00000010");
    assertThat(FileUtil.fullyDelete(last.toFile())).isTrue();
    double[] rest = train(Topology.single(), checkpoints(true)).losses();

    assertThat(rest).containsExactly(Arrays.copyOfRange(whole, 6, 10));
  }

  private CheckpointConfig checkpoints(boolean resume) {
    String path = directory.resolve("checkpoints").toUri().toString();
    return new CheckpointConfig(path, 6, 2, true, resume);
  }

  private TrainingFixture.Run train(Topology topology, String name) {
    String path = directory.resolve(name).toUri().toString();
    return train(topology, new CheckpointConfig(path, 0, 2, true, false));
  }

  private static TrainingFixture.Run train(Topology topology, CheckpointConfig checkpoints) {
    TrainConfig config = TrainConfigs.of(10, GLOBAL_BATCH / topology.nDp());
    return TrainingFixture.train(topology, TrainingFixture.setup(config, checkpoints), PROMPTS);
  }

  /** Negative log-likelihoods {@code [L][V]} of an untrained model. */
  private static double[][] losses(int[] tokens) {
    return Ranks.run(
            Topology.single(),
            groups -> {
              LanguageModel model =
                  TrainingFixture.model(groups, TrainConfigs.of(1, 8), TrainingFixture.WIDTH);
              try (TensorScope scope = TensorScope.open()) {
                long[] ids =
                    Arrays.stream(tokens).limit(tokens.length - 1).asLongStream().toArray();
                return negativeLogSoftmax(model.logits(Tensor.create(ids, 1, ids.length)));
              }
            })
        .get(0);
  }

  private static double[][] negativeLogSoftmax(Tensor logits1LV) {
    double[][] rows = new double[TrainingFixture.LENGTH][TrainingFixture.VOCABULARY];
    for (int place = 0; place < rows.length; place++) {
      double total = 0;
      for (int token = 0; token < rows[place].length; token++) {
        rows[place][token] = -logits1LV.get(0).get(place).get(token).item_double();
        total += Math.exp(-rows[place][token]);
      }
      for (int token = 0; token < rows[place].length; token++) {
        rows[place][token] += Math.log(total);
      }
    }
    return rows;
  }

  private static int[] text(long position) {
    int[] entries = TrainingFixture.text(position);
    for (int place = 0; place < (position * 5) % 16; place++) {
      entries[place] = ~entries[place];
    }
    return entries;
  }

  private static int[] tokens(int[] entries) {
    return Arrays.stream(entries).map(entry -> entry >= 0 ? entry : ~entry).toArray();
  }
}
