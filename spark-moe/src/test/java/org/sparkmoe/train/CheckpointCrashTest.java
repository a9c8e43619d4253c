package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

  @Test
  void aCutAtAnyByteLeavesTheLastCheckpointUsable() {
    Ranks.run(
        Topology.single(),
        groups -> {
          try {
            crashOften(groups);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          return true;
        });
  }

  private void crashOften(RankGroups groups) throws IOException {
    Configuration hadoop = new Configuration();
    hadoop.setClass("fs.file.impl", CutFileSystem.class, CutFileSystem.class);
    hadoop.setBoolean("fs.file.impl.disable.cache", true);
    org.apache.hadoop.fs.Path root = new org.apache.hadoop.fs.Path(directory.toUri());
    CheckpointDirectory checkpoints = new CheckpointDirectory(root, hadoop);
    CutFileSystem files = (CutFileSystem) checkpoints.files();
    RankReports ranks = new RankReports(groups.world(), new Device("cpu"));
    CheckpointWriter writer = new CheckpointWriter(checkpoints, groups, ranks, 2);
    Parameter parameter =
        ParameterInitializer.cpu(1, Precision.F32)
            .constant(ParameterBox.whole("w", true, 10, 10), 1);
    List<ParameterGroup> parameters = ParameterGroup.of(List.of(parameter));
    writer.write(parameters, cursor(1), List.of("{}"));
    long bytes = files.written;
    SplittableRandom random = new SplittableRandom(3);
    for (int crash = 0; crash < CRASHES; crash++) {
      set(parameter, crash + 2);
      files.left = random.nextLong(bytes);
      assertThatThrownBy(() -> writer.write(parameters, cursor(2), List.of("{}")))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("cut");
      files.left = Long.MAX_VALUE;

      TrainingCursor found =
          new Resumption(checkpoints, ranks)
              .resume(parameters, cursor(0), 100)
              .orElseThrow()
              .cursor();

      assertThat(found).isEqualTo(cursor(1));
      try (TensorScope scope = TensorScope.open()) {
        assertThat(parameter.value().detach().sum().item_double()).isEqualTo(100);
      }
    }
    writer.write(parameters, cursor(2), List.of());
    assertThat(checkpoints.steps()).containsExactly(2L, 1L);
    parameters.forEach(ParameterGroup::close);
  }

  private static void set(Parameter parameter, double value) {
    try (TensorScope scope = TensorScope.open()) {
      parameter.value().detach().fill_(new Scalar(value));
    }
  }

  private static TrainingCursor cursor(long step) {
    return new TrainingCursor(step, step, 7, 8, 16);
  }

  /** The local file system, which fails after so many bytes. */
  static final class CutFileSystem extends RawLocalFileSystem {
    private long left = Long.MAX_VALUE;
    private long written;

    @Override
    protected OutputStream createOutputStreamWithMode(
        org.apache.hadoop.fs.Path path, boolean append, FsPermission permission)
        throws IOException {
      return new CutStream(super.createOutputStreamWithMode(path, append, permission));
    }

    /** Without native code Hadoop would start a process for each change. */
    @Override
    public void setPermission(org.apache.hadoop.fs.Path path, FsPermission permission) {}

    private final class CutStream extends FilterOutputStream {
      CutStream(OutputStream out) {
        super(out);
      }

      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        int allowed = (int) Math.min(left, length);
        out.write(bytes, offset, allowed);
        left -= allowed;
        written += allowed;
        if (allowed < length) {
          throw new IOException("the disk is cut off");
        }
      }
    }
  }
}
