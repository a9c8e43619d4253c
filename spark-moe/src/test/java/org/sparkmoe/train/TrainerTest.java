package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparkmoe.tensor.Precision;
import org.sparkmoe.topology.Topology;

class TrainerTest {
  /** Balancing looks at a whole micro-batch, so its loss does depend on how the batch is cut. */
  private static final double WITHOUT_BALANCING = 0;

  @TempDir Path directory;

  @Test
  void theLossFallsAndEvaluationAgrees() {
    TrainingFixture.Run run =
        TrainingFixture.train(
            Topology.single(), TrainingFixture.setup(TrainConfigs.of(120, 8), directory));

    assertThat(run.losses()).hasSize(120);
    assertThat(run.losses()[0]).isBetween(3.2, 3.8);
    assertThat(run.losses()[119]).isLessThan(2.5);
    assertThat(run.summary().validation().loss()).isLessThan(2.7);
    assertThat(run.summary().validation().bitsPerByte())
        .isCloseTo(run.summary().validation().loss() / Math.log(2), withinPercentage(1e-9));
  }

  @Test
  void bf16FollowsF32WithinItsPrecision() {
    double[] f32 =
        TrainingFixture.train(
                Topology.single(),
                TrainingFixture.setup(TrainConfigs.of(20, 8), directory.resolve("f32")))
            .losses();
    double[] bf16 =
        TrainingFixture.train(
                Topology.single(),
                TrainingFixture.setup(
                    TrainConfigs.withPrecision(20, 8, Precision.BF16), directory.resolve("bf16")))
            .losses();

    Curves.assertClose(bf16, f32, 0.02);
    assertThat(bf16[19]).isNotEqualTo(f32[19]);
  }

  @Test
  void accumulatedMicroBatchesEqualOneLargeOne() {
    double[] large =
        TrainingFixture.train(
                Topology.single(),
                TrainingFixture.setup(TrainConfigs.of(10, 8), directory.resolve("a")),
                WITHOUT_BALANCING)
            .losses();
    double[] small =
        TrainingFixture.train(
                Topology.single(),
                TrainingFixture.setup(TrainConfigs.of(10, 2), directory.resolve("b")),
                WITHOUT_BALANCING)
            .losses();

    Curves.assertClose(small, large, 1e-5);
  }

  @Test
  void theSameRunTwiceGivesTheSameBits() {
    Topology topology = new Topology(4, 4, 2, 2, 1);
    double[][] losses = new double[2][];
    for (int i = 0; i < 2; i++) {
      TrainingFixture.Run run =
          TrainingFixture.train(
              topology,
              TrainingFixture.setup(TrainConfigs.of(20, 4), directory.resolve("run" + i)));
      losses[i] = run.losses();
    }

    assertThat(losses[1]).containsExactly(losses[0]);
  }

  @Test
  void everyLayoutGivesTheCurveOfOneRank() {
    TrainingFixture.Run single =
        TrainingFixture.train(
            Topology.single(),
            TrainingFixture.setup(TrainConfigs.of(20, 8), directory.resolve("single")));
    int number = 0;
    for (Topology topology : layouts()) {
      int share = 8 / topology.nDp();
      TrainingFixture.Run run =
          TrainingFixture.train(
              topology,
              TrainingFixture.setup(
                  TrainConfigs.of(20, share), directory.resolve("layout" + number++)));

      assertThat(run.losses()).as("%s", topology).hasSize(20);
      Curves.assertClose(run.losses(), single.losses(), 1e-4);
      Curves.assertClose(run.auxLosses(), single.auxLosses(), 1e-4);
      Curves.assertClose(run.norms(), single.norms(), 1e-3);
    }
  }

  /** Every factorisation of 2 and of 4 ranks. */
  private static List<Topology> layouts() {
    return Stream.of(2, 4)
        .flatMap(
            world ->
                divisors(world)
                    .flatMap(
                        mp ->
                            divisors(world)
                                .flatMap(
                                    ep ->
                                        divisors(world / ep)
                                            .map(esp -> new Topology(world, world, mp, ep, esp)))))
        .toList();
  }

  private static Stream<Integer> divisors(int number) {
    return Stream.of(1, 2, 4).filter(divisor -> number % divisor == 0);
  }

  @Test
  void nativeObjectsReturnToTheirNumberAfterEveryStep() {
    TrainingFixture.Run run =
        TrainingFixture.train(
            Topology.single(), TrainingFixture.setup(TrainConfigs.of(8, 2), directory));

    long start = run.steps().get(1).nativeHandles();
    assertThat(run.steps().subList(1, 8))
        .allSatisfy(step -> assertThat(step.nativeHandles()).isEqualTo(start));
  }

  @Test
  void aGradientThatIsNeverFiniteEndsTrainingWithAdvice() {
    TrainConfig config = TrainConfigs.withLearningRate(40, 8, 1e30);

    assertThatThrownBy(
            () ->
                TrainingFixture.train(Topology.single(), TrainingFixture.setup(config, directory)))
        .rootCause()
        .isInstanceOf(TrainingException.class)
        .hasMessageContaining("number 4 in a row")
        .hasMessageContaining("lower train.learning-rate");
  }
}
