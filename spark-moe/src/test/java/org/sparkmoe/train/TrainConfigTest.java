package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.sparkmoe.model.Recomputation;
import org.sparkmoe.tensor.Precision;

class TrainConfigTest {

  @Test
  void everyInvalidValueIsReportedAtOnce() {
    assertThatThrownBy(
            () ->
                new TrainConfig(
                    0,
                    8,
                    3,
                    Precision.F32,
                    -1,
                    2,
                    -1,
                    TrainConfig.Schedule.LINEAR,
                    1,
                    1,
                    0,
                    -1,
                    -1,
                    -1,
                    PipelineSchedule.ONE_F_ONE_B,
                    Recomputation.NONE,
                    7,
                    0,
                    -1,
                    -1,
                    -1,
                    ""))
        .isInstanceOf(IllegalArgumentException.class)
        .extracting(e -> e.getMessage().lines().toList())
        .asInstanceOf(InstanceOfAssertFactories.LIST)
        .hasSize(15)
        .contains(
            "train.micro-batch is \"3\", must be a divisor of train.global-batch = 8",
            "train.learning-rate is \"-1.0\", must be above 0");
  }

  @Test
  void globalBatchIsSharedOutAmongRanksAndMicroBatches() {
    assertThat(TrainConfigs.of(1, 2).microBatches(2)).isEqualTo(2);
    assertThatThrownBy(() -> TrainConfigs.of(1, 4).microBatches(4))
        .hasMessageContaining("must be a multiple of 16");
  }

  @Test
  void learningRateRisesLinearlyAndEndsAtItsLowest() {
    LearningRate rate = new LearningRate(TrainConfigs.of(20, 2));

    assertThat(rate.at(0)).isEqualTo(3e-3 / 4);
    assertThat(rate.at(3)).isEqualTo(3e-3);
    assertThat(rate.at(4)).isEqualTo(3e-3);
    assertThat(rate.at(19)).isCloseTo(3e-4, org.assertj.core.api.Assertions.within(1e-15));
    assertThat(rate.at(50)).isEqualTo(rate.at(19));
  }
}
