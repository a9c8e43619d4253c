package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.topology.Topology;

/** Checkpoints on an HDFS of one name node and one data node in this process. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class HdfsCheckpointTest {
  private static final Topology FOUR = new Topology(4, 4, 2, 2, 2);

  private final Configuration hadoop = new Configuration();
  private MiniDFSCluster cluster;
  private DistributedFileSystem files;

  @BeforeAll
  void start(@TempDir Path directory) throws IOException {
    hadoop.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, directory.toString());
    hadoop.setBoolean("dfs.namenode.edits.noeditlogchannelflush", true);
    cluster = new MiniDFSCluster.Builder(hadoop).numDataNodes(1).build();
    cluster.waitActive();
    files = cluster.getFileSystem();
  }

  @AfterAll
  void stop() {
    cluster.shutdown();
  }

  private TrainSetup setup(String name, TrainConfig config, boolean resume) {
    String root = files.getUri() + "/" + name;
    return new TrainSetup(config, new CheckpointConfig(root, 2, 2, true, resume), hadoop);
  }

  private List<String> names(String directory) throws IOException {
    return Arrays.stream(files.listStatus(new org.apache.hadoop.fs.Path("/" + directory)))
        .map(FileStatus::getPath)
        .map(org.apache.hadoop.fs.Path::getName)
        .toList();
  }

  @Test
  void writtenKeptAndResumedAtAnotherNumberOfRanks() throws IOException {
    TrainConfig config = TrainConfigs.of(7, 4);
    double[] whole = TrainingFixture.train(FOUR, setup("run", config, false)).losses();
    assertThat(names("run")).containsExactly("step-00000006", "step-00000007");

    files.delete(new org.apache.hadoop.fs.Path("/run/step-00000007"), true);
    TrainingFixture.Run rest =
        TrainingFixture.train(new Topology(2, 2, 1, 2, 1), setup("run", config, true));

    Curves.assertClose(rest.losses(), Arrays.copyOfRange(whole, 6, 7), 1e-4);
    assertThat(names("run")).containsExactly("step-00000006", "step-00000007");
  }

  /** HDFS renames a directory into one that is there. */
  @Test
  void publishingOverACheckpointReplacesIt() throws IOException {
    org.apache.hadoop.fs.Path root = new org.apache.hadoop.fs.Path(files.getUri() + "/twice");
    CheckpointDirectory directory = new CheckpointDirectory(root, hadoop);
    for (String content : List.of("first", "second")) {
      files.create(new org.apache.hadoop.fs.Path(directory.aside(3), content)).close();
      directory.publish(3);
    }

    assertThat(names("twice")).containsExactly("step-00000003");
    assertThat(names("twice/step-00000003")).containsExactly("second");
  }

  @Test
  void aRenameThatIsRefusedIsAnError() throws IOException {
    org.apache.hadoop.fs.Path root = new org.apache.hadoop.fs.Path(files.getUri() + "/refused");
    CheckpointDirectory directory = new CheckpointDirectory(root, hadoop);

    assertThatThrownBy(() -> directory.publish(1))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(".writing-step-00000001 cannot be renamed");
  }

  @Test
  void aNameNodeThatRefusesToWriteIsNamedAndLeavesTheLastCheckpoint() throws IOException {
    TrainConfig config = TrainConfigs.of(2, 8);
    TrainingFixture.train(Topology.single(), setup("safe", config, false));
    files.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_ENTER);
    try {
      assertThatThrownBy(
              () ->
                  TrainingFixture.train(
                      Topology.single(), setup("safe", TrainConfigs.of(5, 8), true)))
          .rootCause()
          .hasMessageContaining("safe mode");
    } finally {
      files.setSafeMode(HdfsConstants.SafeModeAction.SAFEMODE_LEAVE);
    }

    TrainingFixture.Run rest =
        TrainingFixture.train(Topology.single(), setup("safe", TrainConfigs.of(5, 8), true));

    assertThat(rest.losses()).hasSize(3);
  }
}
