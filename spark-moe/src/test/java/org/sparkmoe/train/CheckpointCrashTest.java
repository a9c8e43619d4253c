package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** The writer is cut at many places; what was published before stays usable every time. */
class CheckpointCrashTest {
  private static final int CRASHES = 200;

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aCutAtAnyByteLeavesTheLastCheckpointUsable(boolean asynchronous) {
    Ranks.run(
        Topology.single(),
        groups -> {
          try {
            crashOften(groups, asynchronous);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          return true;
        });
  }

  private void crashOften(RankGroups groups, boolean asynchronous) throws IOException {
    CheckpointDirectory checkpoints = CutFileSystem.directory(directory);
    CutFileSystem files = (CutFileSystem) checkpoints.files();
    RankReports ranks = new RankReports(groups.world(), new Device("cpu"));
    Parameter parameter =
        ParameterInitializer.cpu(1, Precision.F32)
            .constant(ParameterBox.whole("w", true, 10, 10), 1);
    List<ParameterGroup> parameters = ParameterGroup.of(List.of(parameter));
    CheckpointConfig config = new CheckpointConfig("", 1, 2, asynchronous, false);
    try (CheckpointWriter writer =
        new CheckpointWriter(
            checkpoints,
            ranks,
            new CheckpointShard(parameters, groups),
            config,
            TrainingListener.silent())) {
      write(writer, 1);
      long bytes = files.written;
      SplittableRandom random = new SplittableRandom(3);
      for (int crash = 0; crash < CRASHES; crash++) {
        set(parameter, crash + 2);
        files.left = random.nextLong(bytes);
        assertThatThrownBy(() -> write(writer, 2))
            .isInstanceOf(CheckpointException.class)
            .hasMessageContaining("cut");
        files.left = Long.MAX_VALUE;
        assertOnlyTheFirstIsThere(new Resumption(checkpoints, ranks), parameters);
      }
      write(writer, 2);
      assertThat(checkpoints.steps()).containsExactly(2L, 1L);
    }
    parameters.forEach(ParameterGroup::close);
  }

  private static void write(CheckpointWriter writer, long step) {
    writer.begin(new TrainingState(cursor(step), List.of("{}"), null));
    writer.finish();
  }

  private static void assertOnlyTheFirstIsThere(
      Resumption resumption, List<ParameterGroup> parameters) {
    TrainingCursor found =
        resumption.resume(parameters, cursor(0), 100).orElseThrow().state().cursor();

    assertThat(found).isEqualTo(cursor(1));
    try (TensorScope scope = TensorScope.open()) {
      assertThat(parameters.get(0).values().narrow(0, 0, 100).sum().item_double()).isEqualTo(100);
    }
  }

  private static void set(Parameter parameter, double value) {
    try (TensorScope scope = TensorScope.open()) {
      parameter.value().detach().fill_(new Scalar(value));
    }
  }

  private static TrainingCursor cursor(long step) {
    return new TrainingCursor(step, step, 0, 0, 7, 8, 16);
  }
}
