package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparkmoe.topology.Topology;

class CheckpointTest {
  private static final Topology FOUR = new Topology(4, 4, 2, 2, 2);

  @TempDir Path directory;
  private Path checkpoints;

  @BeforeEach
  void nameDirectory() {
    checkpoints = directory.resolve("checkpoints");
  }

  @Test
  void resumingContinuesTheCurveBitForBit() throws IOException {
    TrainConfig config = TrainConfigs.of(14, 2);
    double[] whole =
        TrainingFixture.train(
                FOUR, TrainingFixture.setup(config, directory.resolve("uninterrupted")))
            .losses();

    TrainingFixture.train(FOUR, every(5, 3, false, config));
    deleteNewest();
    TrainingFixture.Run rest = TrainingFixture.train(FOUR, every(5, 3, true, config));

    assertThat(rest.losses()).containsExactly(Arrays.copyOfRange(whole, 10, 14));
    assertThat(rest.summary().steps()).isEqualTo(14);
    assertThat(names()).containsExactly("step-00000005", "step-00000010", "step-00000014");
    assertThat(Files.readAllLines(checkpoints.resolve("step-00000014/training-log.jsonl")))
        .filteredOn(line -> line.contains("\"type\":\"step\""))
        .hasSize(14);
  }

  @Test
  void aCheckpointOfFourRanksGoesOnAtTwoAndThenAtOne() throws IOException {
    TrainConfig shared = TrainConfigs.of(14, 4);
    double[] whole =
        TrainingFixture.train(
                FOUR, TrainingFixture.setup(shared, directory.resolve("uninterrupted")))
            .losses();

    TrainingFixture.train(FOUR, every(5, 3, false, shared));
    deleteNewest();
    TrainingFixture.Run two =
        TrainingFixture.train(new Topology(2, 2, 1, 2, 1), every(12, 3, true, shared));
    deleteNewest();
    TrainingFixture.Run one =
        TrainingFixture.train(Topology.single(), every(0, 3, true, TrainConfigs.of(14, 8)));

    Curves.assertClose(two.losses(), Arrays.copyOfRange(whole, 10, 14), 1e-4);
    Curves.assertClose(one.losses(), Arrays.copyOfRange(whole, 12, 14), 1e-4);
  }

  /** Pipeline stages, MP, EP and ESP of four ranks; the checkpoint is of 1, 2, 2 and 2. */
  @ParameterizedTest
  @CsvSource({"1, 1, 4, 1", "1, 4, 1, 4", "2, 1, 2, 1", "2, 2, 1, 2"})
  void aCheckpointGoesOnAtAnotherSplit(int stages, int mp, int ep, int esp) throws IOException {
    Topology other = new Topology(4, 4, stages, mp, ep, esp);
    double[] whole =
        TrainingFixture.train(
                FOUR, TrainingFixture.setup(oneMicroBatch(FOUR), directory.resolve("whole")))
            .losses();

    TrainingFixture.train(FOUR, every(5, 3, false, oneMicroBatch(FOUR)));
    deleteNewest();
    TrainingFixture.Run rest =
        TrainingFixture.train(other, every(5, 3, true, oneMicroBatch(other)));

    Curves.assertClose(rest.losses(), Arrays.copyOfRange(whole, 5, 9), 1e-4);
  }

  /** Balancing losses are of a micro-batch, which must be of the same sequences in any layout. */
  private static TrainConfig oneMicroBatch(Topology topology) {
    return TrainConfigs.of(9, 8 / topology.nDp());
  }

  @Test
  void onlyTheNewestCheckpointsStay() throws IOException {
    TrainingFixture.train(Topology.single(), every(2, 2, false, TrainConfigs.of(7, 8)));

    assertThat(names()).containsExactly("step-00000006", "step-00000007");
  }

  @Test
  void aDamagedCheckpointIsPassedOverForTheOneBefore() throws IOException {
    TrainConfig config = TrainConfigs.of(6, 8);
    double[] whole = TrainingFixture.train(Topology.single(), every(2, 3, false, config)).losses();
    deleteNewest();
    Path shard = checkpoints.resolve("step-00000004/shard-00000.safetensors");
    byte[] bytes = Files.readAllBytes(shard);
    bytes[bytes.length - 100] ^= 1;
    Files.write(shard, bytes);
    Files.delete(shard.resolveSibling(".shard-00000.safetensors.crc"));

    TrainingFixture.Run rest = TrainingFixture.train(Topology.single(), every(2, 3, true, config));

    assertThat(rest.losses()).containsExactly(Arrays.copyOfRange(whole, 2, 6));
  }

  @Test
  void whenNoCheckpointCanBeUsedEachFaultIsNamed() throws IOException {
    TrainConfig config = TrainConfigs.of(2, 8);
    TrainingFixture.train(Topology.single(), every(1, 3, false, config));
    Files.delete(checkpoints.resolve("step-00000002/manifest.json"));
    Files.delete(checkpoints.resolve("step-00000001/shard-00000.safetensors"));

    assertThatThrownBy(() -> TrainingFixture.train(Topology.single(), every(1, 3, true, config)))
        .rootCause()
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("step 2:")
        .hasMessageContaining("manifest.json is missing: the checkpoint is incomplete")
        .hasMessageContaining("step 1:")
        .hasMessageContaining("shard-00000.safetensors");
  }

  @Test
  void aFreshRunIsNotMixedWithAnOlderOne() {
    TrainConfig config = TrainConfigs.of(1, 8);
    TrainingFixture.train(Topology.single(), every(1, 3, false, config));

    assertThatThrownBy(() -> TrainingFixture.train(FOUR, every(1, 3, false, TrainConfigs.of(1, 2))))
        .hasStackTraceContaining("holds the checkpoint of step 1 of an earlier run")
        .hasStackTraceContaining("checkpoint.resume = true");
  }

  @Test
  void anotherSeedCannotGoOn() {
    TrainConfig config = TrainConfigs.of(1, 8);
    TrainingFixture.train(Topology.single(), every(1, 3, false, config));

    assertThatThrownBy(
            () ->
                TrainingFixture.train(
                    Topology.single(), every(1, 3, true, TrainConfigs.withSeed(2, 8, 99))))
        .rootCause()
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("train.seed is \"99\", must be 7 as in the checkpoint");
  }

  private TrainSetup every(long steps, int keep, boolean resume, TrainConfig config) {
    return TrainingFixture.setup(
        config, new CheckpointConfig(checkpoints.toUri().toString(), steps, keep, true, resume));
  }

  private List<String> names() throws IOException {
    try (Stream<Path> found = Files.list(checkpoints)) {
      return found.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  private void deleteNewest() throws IOException {
    Path newest = checkpoints.resolve(names().get(names().size() - 1));
    try (Stream<Path> files = Files.walk(newest)) {
      files
          .sorted(Comparator.reverseOrder())
          .forEach(
              file -> {
                try {
                  Files.delete(file);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    }
  }
}
