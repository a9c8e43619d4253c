package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.sparkmoe.collective.Communicator;
import org.sparkmoe.data.TokenSequence;
import org.sparkmoe.topology.ClusterConfig;
import org.sparkmoe.topology.RankGroups;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.TrainingListener;
import org.sparkmoe.train.TrainingStart;

@ExtendWith(SparkFixture.class)
@Timeout(60)
class BarrierStageTest {
  private static final int RANKS = 4;
  private static final RestartConfig RESTART =
      new RestartConfig(
          3, false, Duration.ofSeconds(20), Duration.ofSeconds(20), Duration.ofSeconds(20));

  private final SparkContext context;
  private final List<TrainingStart> heard = new CopyOnWriteArrayList<>();

  BarrierStageTest(SparkSession spark) {
    context = spark.sparkContext();
  }

  /** What a rank does in these tests, and what it does with the others. */
  @FunctionalInterface
  interface Work extends java.io.Serializable {
    double of(RankGroups groups, double own);
  }

  /** Adds up the positions of the rank's sequences, then works with the others. */
  private static RankBody<EvaluationMetrics> body(Work work) {
    return data -> {
      long positions = 0;
      while (data.train().hasNext()) {
        positions += data.train().next().position();
      }
      long own = positions;
      return new RankBody.Loaded<>() {
        @Override
        public EvaluationMetrics run(RankGroups groups, TrainingListener listener) {
          if (groups.rank() == 0) {
            listener.started(new TrainingStart(0, 1, 2, 3));
          }
          return new EvaluationMetrics(0, work.of(groups, own), 0, 0, 0);
        }

        @Override
        public void close() {}
      };
    };
  }

  private EvaluationMetrics run(RankBody<EvaluationMetrics> body) {
    JavaSparkContext java = JavaSparkContext.fromSparkContext(context);
    JavaRDD<TokenSequence> train =
        java.parallelize(List.of(1, 20, 300, 4000), RANKS)
            .map(position -> new TokenSequence(position, new int[] {1, 2}));
    JavaRDD<TokenSequence> validation =
        java.parallelize(List.of(1, 2, 3, 4), RANKS)
            .map(position -> new TokenSequence(position, new int[] {1, 2}));
    ProgressListener progress =
        new ProgressListener() {
          @Override
          public void started(TrainingStart start) {
            heard.add(start);
          }
        };
    ClusterConfig cluster =
        new ClusterConfig(
            RANKS, RANKS, 1, 1, 1, 1, "1", "auto", Duration.ofSeconds(10), Duration.ofSeconds(20));
    return new BarrierStage(context, cluster, DeviceConfig.cpu(), RESTART, progress)
        .run(train, validation, body, EvaluationMetrics.class);
  }

  private static double sum(RankGroups groups, double own) {
    try (Tensor total = torch.tensor(own)) {
      groups.world().allReduce(total, Communicator.Reduction.SUM).await();
      return total.item_double();
    }
  }

  @Test
  void everyRankMeetsTheOthersAndRankZeroAnswers() {
    assertThat(run(body(BarrierStageTest::sum)).loss()).isEqualTo(4321);
  }

  @Test
  void theDriverHearsOfRankZeroWhileItRuns() {
    run(body(BarrierStageTest::sum));
    assertThat(heard).containsExactly(new TrainingStart(0, 1, 2, 3));
  }

  @Test
  void aRankThatThrowsEndsTheJobWithItsCauseAndNotItsNeighbours() {
    Work rankTwoThrows =
        (groups, own) -> {
          if (groups.rank() == 2) {
            throw new IllegalStateException("the expert is ill");
          }
          return sum(groups, own);
        };
    assertThatThrownBy(() -> run(body(rankTwoThrows)))
        .isInstanceOf(TrainingFailedException.class)
        .hasMessageMatching(
            "rank 2 on \\S+ failed after step 0: IllegalStateException: the expert is ill");
  }

  @Test
  void aRankWhoseDataAreBadEndsTheJobBeforeTheOthersMeet() {
    RankBody<EvaluationMetrics> body =
        data -> {
          if (data.train().next().position() == 4000) {
            throw new IllegalArgumentException("sequence 4000 is torn");
          }
          return body(BarrierStageTest::sum).load(data);
        };
    assertThatThrownBy(() -> run(body))
        .isInstanceOf(TrainingFailedException.class)
        .hasMessageContaining("rank 3 on")
        .hasMessageContaining("IllegalArgumentException: sequence 4000 is torn");
  }

  @Test
  void theNextJobRunsAfterAFailedOne() {
    Work throwing =
        (groups, own) -> {
          throw new IllegalStateException("no");
        };
    assertThatThrownBy(() -> run(body(throwing))).isInstanceOf(TrainingFailedException.class);
    assertThat(run(body(BarrierStageTest::sum)).loss()).isEqualTo(4321);
  }
}
