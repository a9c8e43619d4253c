package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.ScheduleConfig;
import org.sparkmoe.topology.Topology;

/** Whatever the schedule, with gradients summed in slices during backward, training is the same. */
class StepScheduleTest {
  @TempDir private Path directory;

  @ParameterizedTest
  @EnumSource(names = {"TUTEL", "FSMOE", "BEST"})
  void overlapTrainsAsOneTaskAfterAnotherDoes(PolicyName policy) {
    Topology topology = new Topology(4, 2, 2, 2, 2);
    TrainConfig config = TrainConfigs.of(3, 2);
    TrainingFixture.Run sequential =
        TrainingFixture.train(
            topology, TrainingFixture.setup(config, directory.resolve("sequential")));
    TrainSetup plain = TrainingFixture.setup(config, directory.resolve(policy.name()));
    ScheduleSetup schedule =
        new ScheduleSetup(
            new ScheduleConfig(
                policy, 1, 0, "", 1e9, 1000, directory.resolve("trace.json").toString()),
            new LayerShape(
                config.microBatch(), 4, 16, TrainingFixture.WIDTH, 24, 2, ExpertType.MIXTRAL));
    TrainingFixture.Run scheduled =
        TrainingFixture.train(
            topology, new TrainSetup(plain.train(), plain.checkpoint(), plain.hadoop(), schedule));
    assertThat(directory.resolve("trace.json"))
        .content()
        .contains("measured " + policy + "-backward-0")
        .contains("predicted " + policy + "-backward-0");
    assertThat(scheduled.losses()).as("bit for bit").containsExactly(sequential.losses());
    assertThat(scheduled.norms()).as("bit for bit").containsExactly(sequential.norms());
  }
}
