package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.model.Ranks;
import org.sparkmoe.tensor.NativeGarbage;
import org.sparkmoe.tensor.NativeMemory;
import org.sparkmoe.tensor.Parameter;
import org.sparkmoe.tensor.ParameterBox;
import org.sparkmoe.tensor.ParameterInitializer;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.tensor.TensorScope;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** Training goes on while a checkpoint of its past is written. */
@Timeout(60)
class AsynchronousCheckpointTest {
  @TempDir Path directory;

  @Test
  void theFilesAreThoseOfASynchronousCheckpoint() throws IOException {
    Topology topology = new Topology(4, 4, 2, 2, 2);
    TrainingFixture.train(topology, setup("waiting", false));
    TrainingFixture.train(topology, setup("going-on", true));

    Map<String, byte[]> waiting = files("waiting");
    Map<String, byte[]> goingOn = files("going-on");

    assertThat(goingOn).hasSize(3 * 5).containsOnlyKeys(waiting.keySet());
    waiting.forEach((name, bytes) -> assertThat(goingOn.get(name)).as(name).isEqualTo(bytes));
  }

  private TrainSetup setup(String name, boolean asynchronous) {
    String root = directory.resolve(name).toUri().toString();
    return TrainingFixture.setup(
        TrainConfigs.of(5, 2), new CheckpointConfig(root, 2, 5, asynchronous, false));
  }

  /** Shards and manifests; the training log holds times, and Hadoop adds checksums of its own. */
  private Map<String, byte[]> files(String name) throws IOException {
    Path root = directory.resolve(name);
    Map<String, byte[]> contents = new TreeMap<>();
    try (Stream<Path> found = Files.walk(root)) {
      for (Path file : found.filter(Files::isRegularFile).toList()) {
        String relative = root.relativize(file).toString();
        if (!relative.endsWith(".crc") && !relative.endsWith(CheckpointWriter.LOG_FILE)) {
          contents.put(relative, Files.readAllBytes(file));
        }
      }
    }
    return contents;
  }

  @Test
  void whatChangesAfterItBeganIsNotInIt() {
    run(
        one -> {
          one.files.gate = new CountDownLatch(1);
          one.set(1);
          one.writer.begin(new TrainingState(cursor(1), List.of(), null));
          one.set(2);
          one.writer.advance();
          assertThat(one.steps()).isEmpty();

          one.files.gate.countDown();
          one.writer.finish();

          assertThat(one.published).containsExactly(1L);
          assertThat(one.resume()).isEqualTo(cursor(1));
          assertThat(one.mean()).isEqualTo(1);
        });
  }

  @Test
  void theNextOneBeginsWhenTheOneBeforeIsPublished() {
    run(
        one -> {
          one.writer.begin(new TrainingState(cursor(1), List.of(), null));
          one.writer.begin(new TrainingState(cursor(2), List.of(), null));

          assertThat(one.published).containsExactly(1L);
          one.writer.finish();
          assertThat(one.steps()).containsExactly(2L, 1L);
        });
  }

  @Test
  void aDiskThatFailsIsNamedByTheStepAfterIt() {
    run(
        one -> {
          one.files.left = 100;
          one.writer.begin(new TrainingState(cursor(1), List.of(), null));

          assertThatThrownBy(
                  () -> {
                    while (one.published.isEmpty()) {
                      one.writer.advance();
                    }
                  })
              .isInstanceOf(CheckpointException.class)
              .hasMessageContaining("rank 0 could not write its shard")
              .hasRootCauseInstanceOf(IOException.class)
              .hasRootCauseMessage("the disk is cut off");
        });
  }

  @Test
  void oneThatIsGivenUpIsNotPublished() {
    run(
        one -> {
          one.files.gate = new CountDownLatch(1);
          one.writer.begin(new TrainingState(cursor(1), List.of(), null));

          one.writer.close();

          assertThat(one.steps()).isEmpty();
        });
  }

  @Test
  void nativeMemoryIsTheSameAfterEveryCheckpoint() {
    run(
        one -> {
          one.write(1);
          NativeGarbage.awaitGone();
          NativeMemory before = NativeMemory.now();
          for (int step = 2; step < 20; step++) {
            one.write(step);
          }
          assertThat(NativeMemory.now().since(before).handles()).isZero();
        });
  }

  private void run(Consumer<OneRank> body) {
    Ranks.run(
        Topology.single(),
        groups -> {
          try (OneRank one = new OneRank(groups, directory)) {
            body.accept(one);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          return true;
        });
  }

  private static TrainingCursor cursor(long step) {
    return new TrainingCursor(step, step, 0, 0, 7, 8, 16);
  }

  /** A parameter and what writes it. */
  private static final class OneRank implements AutoCloseable {
    private final CheckpointDirectory checkpoints;
    private final CutFileSystem files;
    private final RankReports ranks;
    private final List<ParameterGroup> parameters;
    private final CheckpointWriter writer;
    private final List<Long> published = new ArrayList<>();

    OneRank(RankGroups groups, Path root) throws IOException {
      checkpoints = CutFileSystem.directory(root);
      files = (CutFileSystem) checkpoints.files();
      ranks = new RankReports(groups.world(), new Device("cpu"));
      Parameter parameter =
          ParameterInitializer.cpu(1, Precision.F32)
              .constant(ParameterBox.whole("w", true, 16, 10), 0);
      parameters = ParameterGroup.of(List.of(parameter));
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void checkpointed(long step, String directory) {
              published.add(step);
            }
          };
      writer =
          new CheckpointWriter(
              checkpoints,
              ranks,
              new CheckpointShard(parameters, groups),
              new CheckpointConfig("", 1, 2, true, false),
              listener);
    }

    void write(long step) {
      writer.begin(new TrainingState(cursor(step), List.of(), null));
      writer.finish();
    }

    void set(double value) {
      try (TensorScope scope = TensorScope.open()) {
        parameters.get(0).values().fill_(new Scalar(value));
      }
    }

    double mean() {
      try (TensorScope scope = TensorScope.open()) {
        return parameters.get(0).values().mean().item_double();
      }
    }

    List<Long> steps() {
      try {
        return checkpoints.steps();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    TrainingCursor resume() {
      return new Resumption(checkpoints, ranks)
          .resume(parameters, cursor(0), 160)
          .orElseThrow()
          .state()
          .cursor();
    }

    @Override
    public void close() {
      writer.close();
      parameters.forEach(ParameterGroup::close);
    }
  }
}
