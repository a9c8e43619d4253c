package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.profile.Profile;
import org.sparkmoe.schedule.cost.ExpertType;
import org.sparkmoe.schedule.cost.LayerShape;
import org.sparkmoe.schedule.policy.PolicyName;
import org.sparkmoe.schedule.policy.ScheduleConfig;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.topology.Topology;

/** How fast a run computes, and of what that is a share. */
class ModelFlopsOfARunTest {
  private static final Topology TWO = new Topology(2, 2, 1, 2, 1);

  @TempDir private Path directory;

  private TrainingFixture.Run train(double peakTeraflops, @Nullable ScheduleSetup schedule) {
    return train(directory.resolve("model"), peakTeraflops, schedule);
  }

  private static TrainingFixture.Run train(
      Path model, double peakTeraflops, @Nullable ScheduleSetup schedule) {
    TrainSetup plain = TrainingFixture.setup(TrainConfigs.of(2, 4), model);
    return TrainingFixture.train(
        TWO,
        new TrainSetup(
            plain.train(),
            plain.checkpoint(),
            plain.health(),
            plain.hadoop(),
            schedule,
            peakTeraflops));
  }

  @Test
  void aRanksShareOfTheModelFlopsOfEveryStep() {
    double perToken =
        TrainingFixture.model(RankGroups.single(), TrainConfigs.of(2, 4), TrainingFixture.WIDTH)
            .size()
            .trainingFlopsPerToken(TrainingFixture.LENGTH);
    TrainingFixture.Run run = train(0, null);
    assertThat(run.steps())
        .allSatisfy(
            step -> {
              assertThat(step.teraflops())
                  .isCloseTo(perToken * step.tokensPerSecond() / 2 / 1e12, withinPercentage(1e-6));
              assertThat(step.mfu()).as("the peak is not known").isNull();
            });
    TrainingSummary summary = run.summary();
    assertThat(summary.teraflops())
        .isCloseTo(perToken * summary.tokensPerSecond() / 2 / 1e12, withinPercentage(1e-6));
    assertThat(summary.mfu()).isNull();
  }

  @Test
  void utilisationIsOfThePeakThatIsSet() {
    TrainingFixture.Run run = train(0.25, null);
    assertThat(run.steps())
        .allSatisfy(
            step -> assertThat(step.mfu()).isCloseTo(4 * step.teraflops(), withinPercentage(1e-6)));
    assertThat(run.summary().mfu())
        .isCloseTo(4 * run.summary().teraflops(), withinPercentage(1e-6));
  }

  @Test
  void otherwiseOfTheRateThatTheScheduleMeasured() throws Exception {
    Path cache = directory.resolve("profiles");
    ScheduleSetup schedule =
        new ScheduleSetup(
            new ScheduleConfig(PolicyName.FSMOE, 2, 0, cache.toString(), 1e9, 1000, ""),
            new LayerShape(
                4, 4, TrainingFixture.LENGTH, TrainingFixture.WIDTH, 24, 2, ExpertType.MIXTRAL));
    train(directory.resolve("first"), 0, schedule);
    // Measured times of experts this small need not grow with them; these do.
    TrainingFixture.slowLinks(cache);
    TrainingFixture.Run run = train(directory.resolve("second"), 0, schedule);
    // 3 operations for each unit, in half the 1e-5 ms of backward.
    double peak = 3 / 5e-6 / 1e9;
    assertThat(run.summary().mfu())
        .isNotNull()
        .isPositive()
        .isCloseTo(run.summary().teraflops() / peak, withinPercentage(1e-6));
  }

  @Test
  void theMeasuredRateIsThatOfTheFasterDirection() {
    // An expert of three products does 3 operations for each unit of 2·M·H, and its backward twice
    // as many: 3 / 2e-9 ms forward, 6 / 3e-9 ms backward.
    assertThat(profile(2e-9, 3e-9).expertTeraflops(3)).hasValue(2);
    assertThat(profile(2e-9, 6e-9).expertTeraflops(3)).hasValue(1.5);
    assertThat(profile(0, 6e-9).expertTeraflops(3)).isEqualTo(OptionalDouble.empty());
  }

  private static Profile profile(double forward, double backward) {
    List<Double> beta =
        IntStream.range(0, 12).mapToObj(i -> i == 4 ? forward : i == 6 ? backward : 1e-9).toList();
    return Profile.of(beta.stream().flatMapToDouble(b -> DoubleStream.of(0.1, b, 1)).toArray());
  }
}
