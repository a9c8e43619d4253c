package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.sparkmoe.conf.ConfigSource;

@ExtendWith(SparkFixture.class)
class RestartsTest {
  private final List<String> told = new ArrayList<>();
  private final List<RunConfig> runs = new ArrayList<>();
  private final Restarts restarts;
  private boolean stopping;

  RestartsTest(SparkSession spark) {
    ProgressListener progress =
        new ProgressListener() {
          @Override
          public void restarting(String cause, int ranks, int restart, int most) {
            told.add("%s: %d of %d, %d ranks".formatted(cause, restart, most, ranks));
          }
        };
    restarts = new Restarts(spark.sparkContext(), progress, () -> stopping);
  }

  private static RunConfig config(String... assignments) {
    List<String> all = new ArrayList<>(List.of("data.paths=[x]", "train.micro-batch=1"));
    all.addAll(List.of(assignments));
    return RunConfig.bind(ConfigSource.parse(RunConfig.SECTIONS, "", all));
  }

  /** Fails {@code failures} times, then succeeds. */
  private String run(RunConfig config, int failures, boolean passing) {
    return restarts.run(
        config,
        layout -> {
          runs.add(layout);
          if (runs.size() <= failures) {
            throw new TrainingFailedException("rank 1 failed", new Exception(), passing);
          }
          return "done";
        });
  }

  @Test
  void aFailedJobGoesOnFromItsCheckpoints() {
    assertThat(run(config("restart.max=2"), 2, true)).isEqualTo("done");
    assertThat(runs)
        .extracting(run -> run.checkpoint().resume())
        .containsExactly(false, true, true);
    assertThat(told)
        .containsExactly("rank 1 failed: 1 of 2, 1 ranks", "rank 1 failed: 2 of 2, 1 ranks");
  }

  @Test
  void itEndsAfterTheLastRestartWithItsCauseAndHowToGoOn() {
    assertThatThrownBy(() -> run(config("restart.max=1"), 2, true))
        .isInstanceOf(TrainingFailedException.class)
        .hasMessageStartingWith("rank 1 failed")
        .hasMessageContaining("restarted 1 times, restart.max is 1")
        .hasMessageContaining("--resume");
  }

  @Test
  void whatWouldFailAgainIsNotTriedAgain() {
    assertThatThrownBy(() -> run(config(), 1, false)).hasMessageContaining("not restarted");
    assertThat(runs).hasSize(1);
  }

  @Test
  void whatKeepsARestartFromWorkingIsToldBesideTheFirstCause() {
    Function<RunConfig, String> dataGone =
        layout -> {
          if (layout.checkpoint().resume()) {
            throw new IllegalStateException("task failed", new Exception("no file text"));
          }
          throw new TrainingFailedException("rank 1 failed", new Exception(), true);
        };
    assertThatThrownBy(() -> restarts.run(config(), dataGone))
        .isInstanceOf(TrainingFailedException.class)
        .hasMessageStartingWith("rank 1 failed")
        .hasMessageContaining("the restart failed: java.lang.Exception: no file text");
  }

  @Test
  void aJobThatIsToEndIsNotRestarted() {
    stopping = true;
    assertThatThrownBy(() -> run(config(), 1, true)).isInstanceOf(TrainingFailedException.class);
    assertThat(runs).hasSize(1);
  }

  @Test
  void itGoesOnWithFewerRanksOnlyIfThatIsAllowed() {
    String[] eight = {"cluster.ranks=8", "cluster.ep=4", "cluster.start-timeout=1ms"};
    assertThatThrownBy(() -> run(config(eight), 1, true))
        .hasMessageStartingWith("rank 1 failed")
        .hasMessageContaining("cluster.ranks is 8, must be at most the 4 tasks");
    runs.clear();
    String[] elastic = {"cluster.ranks=8", "cluster.ep=4", "restart.elastic=true"};
    run(config(elastic), 1, true);
    assertThat(runs).extracting(run -> run.cluster().ranks()).containsExactly(8, 4);
  }
}
