package org.sparkmoe.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A gate's own state lies among all parameters of a model; training must bear that it changes. */
class EveryGateTrainsTest {

  @ParameterizedTest
  @CsvSource({
    "noisy-top-k, 2",
    "gshard, 2",
    "switch, 1",
    "mixtral, 2",
    "sigmoid, 1",
    "x-moe, 2",
    "expert-choice, 2",
    "soft, 2",
    "deepseek-v3, 2"
  })
  void theLossFalls(String gate, int topK, @TempDir Path directory) {
    double[] losses =
        TrainingFixture.train(TrainingFixture.setup(TrainConfigs.of(20, 8), directory), gate, topK)
            .losses();
    assertThat(losses).hasSize(20);
    assertThat(losses[19]).isLessThan(losses[0]);
  }
}
