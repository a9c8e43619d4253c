package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.profile.Profile;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.ScheduleConfig;
import org.sparkmoe.topology.Topology;

/** A job that goes on keeps its schedule, whatever a new measurement would say. */
class ResumedScheduleTest {
  private static final Topology TOPOLOGY = new Topology(4, 2, 2, 2, 2);
  private static final TrainConfig CONFIG = TrainConfigs.of(9, 2);

  @TempDir private Path directory;

  /** As if starting a task cost nothing, so that many chunks pay. */
  private final double[] manyChunks = profile(0, 1e-3);

  /** As if nothing else cost anything. */
  private final double[] oneChunk = profile(10, 0);

  private static double[] profile(double alpha, double beta) {
    double[] values = new double[3 * Profile.NAMES.size()];
    for (int i = 0; i < values.length; i += 3) {
      values[i] = alpha;
      values[i + 1] = beta;
      values[i + 2] = 1;
    }
    return values;
  }

  @Test
  void theCurveGoesOnToTheBitThoughTheMachineMeasuresDifferently() throws IOException {
    double[] whole = train("whole", manyChunks, PolicyName.FSMOE, false).losses();
    double[] otherwise = train("otherwise", oneChunk, PolicyName.FSMOE, false).losses();
    assertThat(otherwise).as("degrees matter to the bit").isNotEqualTo(whole);

    train("cut", manyChunks, PolicyName.FSMOE, false);
    cutBackTo5("cut");
    TrainingFixture.Run rest = train("cut", oneChunk, PolicyName.FSMOE, true);

    assertThat(rest.losses()).containsExactly(Arrays.copyOfRange(whole, 5, 9));
    assertThat(degrees("cut")).isEqualTo(degrees("whole")).isNotEqualTo(degrees("otherwise"));
  }

  @Test
  void anotherPolicyIsPlannedAnewAndTheNextCheckpointSaysSo() throws IOException {
    double[] whole = train("cut", manyChunks, PolicyName.FSMOE, false).losses();
    String before = written("cut", 5).job();
    cutBackTo5("cut");
    TrainingFixture.Run rest = train("cut", oneChunk, PolicyName.TUTEL, true);

    Curves.assertClose(rest.losses(), Arrays.copyOfRange(whole, 5, 9), 1e-4);
    assertThat(written("cut", 9).profile().values()).containsExactly(oneChunk);
    assertThat(before).contains(", fsmoe up to degree 8");
    assertThat(written("cut", 9).job()).isEqualTo(before.replace("fsmoe", "tutel"));
  }

  @Test
  void laterCheckpointsHoldWhatWasMeasuredDuringTraining() throws IOException {
    ScheduleConfig restless = new ScheduleConfig(PolicyName.FSMOE, 8, 0, "", 1e-9, 2, "");
    TrainingFixture.train(TOPOLOGY, setup("replanned", restless, false));

    Profile first = written("replanned", 5).profile();
    assertThat(written("replanned", 9).profile()).isNotEqualTo(first);
  }

  /** Trains with a profile that was not measured, but given as if it were kept from before. */
  private TrainingFixture.Run train(
      String name, double[] profile, PolicyName policy, boolean resume) throws IOException {
    Path cache = Files.createTempDirectory(directory, "profiles-");
    ScheduleConfig config = new ScheduleConfig(policy, 8, 0, cache.toString(), 0.5, 20, "");
    // Only to learn the name of the file and its key.
    TrainingFixture.train(
        TOPOLOGY,
        new TrainSetup(
            TrainConfigs.of(1, 2),
            checkpoints(cache.getFileName() + "-unused", false),
            new Configuration(),
            schedule(config)));
    try (Stream<Path> files = Files.list(cache)) {
      Path file = files.findFirst().orElseThrow();
      Files.write(
          file, List.of(Files.readAllLines(file).get(0), "values = " + Arrays.toString(profile)));
    }
    return TrainingFixture.train(TOPOLOGY, setup(name, config, resume));
  }

  private TrainSetup setup(String name, ScheduleConfig config, boolean resume) {
    return new TrainSetup(CONFIG, checkpoints(name, resume), new Configuration(), schedule(config));
  }

  private CheckpointConfig checkpoints(String name, boolean resume) {
    return new CheckpointConfig(directory.resolve(name).toUri().toString(), 5, 3, true, resume);
  }

  private static ScheduleSetup schedule(ScheduleConfig config) {
    return new ScheduleSetup(
        config,
        new LayerShape(
            CONFIG.microBatch(), 4, 16, TrainingFixture.WIDTH, 24, 2, ExpertType.MIXTRAL));
  }

  private Path checkpoint(String name, int step) {
    return directory.resolve(name).resolve("step-%08d".formatted(step));
  }

  private void cutBackTo5(String name) throws IOException {
    try (Stream<Path> files = Files.walk(checkpoint(name, 9))) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private PlanInputs written(String name, int step) throws IOException {
    Configuration hadoop = new Configuration();
    try (CheckpointReader reader =
        CheckpointReader.open(
            FileSystem.getLocal(hadoop),
            new org.apache.hadoop.fs.Path(checkpoint(name, step).toUri()))) {
      return reader.plan(0).orElseThrow();
    }
  }

  /** The planned degrees, as the training log shows them. */
  private String degrees(String name) throws IOException {
    String line =
        Files.readAllLines(checkpoint(name, 9).resolve("training-log.jsonl")).stream()
            .filter(l -> l.startsWith("{\"type\":\"schedule\""))
            .findFirst()
            .orElseThrow();
    return line.substring(line.indexOf("\"forwardDegrees\""), line.indexOf("\"measured\""));
  }
}
