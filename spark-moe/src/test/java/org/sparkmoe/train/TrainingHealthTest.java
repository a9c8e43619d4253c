package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.LongFunction;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.topology.Topology;

/** Illnesses are injected into a real run. */
class TrainingHealthTest {
  private static final int STEPS = 60;
  private static final int POISON = 40;
  private static final int POISONED = 4;
  private static final int GLOBAL_BATCH = 8;
  private static final Topology TWO = new Topology(2, 2, 1, 2, 1);

  @TempDir Path directory;

  private TrainingFixture.Run train(
      String name, HealthConfig.OnSpike onSpike, int maxRewinds, LongFunction<int[]> text) {
    return train(name, onSpike, maxRewinds, text, false);
  }

  private TrainingFixture.Run train(
      String name,
      HealthConfig.OnSpike onSpike,
      int maxRewinds,
      LongFunction<int[]> text,
      boolean resume) {
    HealthConfig health = new HealthConfig(5, 10, 2, onSpike, maxRewinds, 0, 1, 0);
    String root = directory.resolve(name).toUri().toString();
    TrainSetup setup =
        new TrainSetup(
            TrainConfigs.withLearningRate(STEPS, 4, 1e-2),
            new CheckpointConfig(root, 5, 3, true, resume),
            health,
            new Configuration(),
            null,
            0);
    return TrainingFixture.train(
        TWO, setup, TrainingFixture.Workload.of("mixtral", 2, 0.05).on(STEPS + POISONED, text));
  }

  /** Some batches in the middle are noise. */
  private static int[] poisoned(long position) {
    long batch = position / GLOBAL_BATCH;
    return batch >= POISON && batch < POISON + POISONED
        ? new SplittableRandom(position)
            .ints(TrainingFixture.LENGTH + 1, 0, TrainingFixture.VOCABULARY)
            .toArray()
        : TrainingFixture.text(position);
  }

  /** The same without those batches. */
  private static int[] clean(long position) {
    boolean before = position < (long) POISON * GLOBAL_BATCH;
    return TrainingFixture.text(before ? position : position + POISONED * GLOBAL_BATCH);
  }

  @Test
  void rewindingTrainsAsIfTheBadDataHadNeverBeenThere() throws IOException {
    double[] wanted =
        train("clean", HealthConfig.OnSpike.WARN, 0, TrainingHealthTest::clean).losses();
    TrainingFixture.Run run =
        train("rewound", HealthConfig.OnSpike.REWIND, 3, TrainingHealthTest::poisoned);

    assertThat(run.warnings())
        .hasSize(2)
        .allSatisfy(
            warning ->
                assertThat(warning)
                    .startsWith("step 42: loss spike at step 41: ")
                    .endsWith("; back at step 40, the data in between are left out"));
    double[] losses = run.losses();
    assertThat(losses).hasSize(STEPS + POISONED);
    assertThat(Arrays.copyOfRange(losses, POISON + POISONED, losses.length))
        .containsExactly(Arrays.copyOfRange(wanted, POISON, STEPS));
    assertThat(run.summary().steps()).isEqualTo(STEPS);
    assertThat(
            Files.readAllLines(directory.resolve("rewound/step-00000060/training-log.jsonl"))
                .stream()
                .filter(line -> line.contains("\"type\":\"rewind\"")))
        .hasSize(2);
  }

  @Test
  void aWarningLeavesTrainingAsItIs() {
    TrainingFixture.Run run =
        train("warned", HealthConfig.OnSpike.WARN, 0, TrainingHealthTest::poisoned);

    assertThat(run.losses()).hasSize(STEPS);
    assertThat(run.warnings())
        .singleElement()
        .asString()
        .startsWith("step 42: loss spike at step 41: ")
        .contains("health.on-spike = rewind");
  }

  @Test
  void whoGoesBackTooOftenIsAdvised() {
    assertThatThrownBy(
            () -> train("often", HealthConfig.OnSpike.REWIND, 1, TrainingHealthTest::poisoned))
        .rootCause()
        .isInstanceOf(TrainingException.class)
        .hasMessageContaining("gone back health.max-rewinds = 1 times")
        .hasMessageContaining("lower train.learning-rate");
  }

  @Test
  void goingBackBeforeARestartCounts() {
    for (boolean resume : new boolean[] {false, true}) {
      assertThatThrownBy(
              () ->
                  train(
                      "restarted",
                      HealthConfig.OnSpike.REWIND,
                      1,
                      TrainingHealthTest::poisoned,
                      resume))
          .rootCause()
          .hasMessageContaining("gone back health.max-rewinds = 1 times");
    }
  }

  @Test
  void aCollapsedGateIsWarnedOf() {
    HealthConfig health = new HealthConfig(0, 2, 1, HealthConfig.OnSpike.WARN, 0, 3, 0.95, 0.01);
    TrainSetup plain = TrainingFixture.setup(TrainConfigs.of(6, 4), directory);
    TrainSetup setup =
        new TrainSetup(plain.train(), plain.checkpoint(), health, plain.hadoop(), null, 0);

    TrainingFixture.Run run =
        TrainingFixture.train(
            TWO, setup, TrainingFixture.Workload.of(CollapsedGate.class.getName(), 2, 0));

    assertThat(run.warnings())
        .containsExactly(
            "step 3: MoE layer 1 of 1: one expert gets 100 % of all tokens (even would be 50 %) for"
                + " 3 steps, its router has collapsed: raise moe.aux-loss, set moe.z-loss = 1e-3,"
                + " or lower train.learning-rate");
  }

  @Test
  void stepsThatAreNotFiniteAreCountedAndLogged() throws IOException {
    TrainingFixture.Run run =
        TrainingFixture.train(
            Topology.single(),
            TrainingFixture.setup(TrainConfigs.withLearningRate(4, 8, 1e30), directory));

    long skipped = run.steps().stream().filter(StepMetrics::skipped).count();
    assertThat(skipped).isPositive();
    assertThat(run.summary().skippedSteps()).isEqualTo(skipped);
    assertThat(
            Files.readAllLines(directory.resolve("step-00000004/training-log.jsonl")).stream()
                .filter(line -> line.contains("\"skipped\":true")))
        .hasSize((int) skipped);
  }
}
