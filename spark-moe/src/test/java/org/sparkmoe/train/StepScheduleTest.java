package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
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
    TrainSetup setup =
        TrainingFixture.scheduled(
            TrainingFixture.setup(config, directory.resolve(policy.name())),
            new ScheduleConfig(
                policy, 1, 0, "", 1e9, 1000, directory.resolve("trace.json").toString()));
    TrainingFixture.Run scheduled = TrainingFixture.train(topology, setup);
    assertThat(directory.resolve("trace.json"))
        .content()
        .contains("measured " + policy + "-backward-0")
        .contains("predicted " + policy + "-backward-0");
    assertThat(scheduled.losses()).as("bit for bit").containsExactly(sequential.losses());
    assertThat(scheduled.norms()).as("bit for bit").containsExactly(sequential.norms());
  }

  /**
   * A profile of slow links and a fast processor makes it worth while to cut attention and gate;
   * the machine's own might not.
   */
  @ParameterizedTest
  @CsvSource({"2, 1, 2, 1", "4, 2, 2, 2", "2, 1, 1, 2"})
  void chunksThroughWholeBlocksTrainAsTheWholeDoes(int world, int mp, int ep, int esp)
      throws IOException {
    Topology topology = new Topology(world, mp, mp, ep, esp);
    TrainConfig config = TrainConfigs.of(4, 4);
    TrainingFixture.Workload text = TrainingFixture.Workload.of("mixtral", 2, 0.05);
    TrainingFixture.Run whole =
        TrainingFixture.train(
            topology, TrainingFixture.setup(config, directory.resolve("whole")), text);
    Path cache = directory.resolve("profiles");
    TrainingFixture.train(topology, flowing(config, cache, "first"), text);
    TrainingFixture.slowLinks(cache);
    TrainingFixture.Run chunks =
        TrainingFixture.train(topology, flowing(config, cache, "second"), text);
    assertThat(directory.resolve("second.json"))
        .content()
        .contains("measured best-forward", "predicted best-backward")
        .contains("f0.attention.1", "f0.gate.1", "b0.attention.1", "b0.inverse_order.1");
    assertThat(chunks.losses()).containsExactly(whole.losses(), within(1e-5));
    assertThat(chunks.auxLosses()).containsExactly(whole.auxLosses(), within(1e-5));
    assertThat(chunks.norms()).containsExactly(whole.norms(), within(1e-4));
    for (int e = 0; e < whole.evaluations().size(); e++) {
      assertThat(chunks.evaluations().get(e).loss())
          .isCloseTo(whole.evaluations().get(e).loss(), within(1e-5));
    }
  }

  private TrainSetup flowing(TrainConfig config, Path cache, String name) {
    String trace = directory.resolve(name + ".json").toString();
    return TrainingFixture.scheduled(
        TrainingFixture.setup(config, directory.resolve(name)),
        new ScheduleConfig(PolicyName.BEST, 4, 0, cache.toString(), 1e9, 1000, trace));
  }
}
