package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.sparkmoe.train.EvaluationMetrics;
import org.sparkmoe.train.TrainingSummary;
import scala.Tuple2;

@ExtendWith(SparkFixture.class)
class RuntimeKryoRegistratorTest {

  @Test
  void recordsSurviveAShuffleAndACollect(SparkSession spark) {
    EvaluationMetrics metrics = new EvaluationMetrics(7, Double.NaN, 1e-300, Long.MAX_VALUE, 3);
    TrainingSummary summary =
        new TrainingSummary(7, 1.25, metrics, 1, 1e6, 0.5, null, 2.5, "a/b \"c\"");
    assertThat(spark.sparkContext().getConf().get("spark.kryo.registrationRequired"))
        .isEqualTo("true");
    List<TrainingSummary> back =
        JavaSparkContext.fromSparkContext(spark.sparkContext())
            .parallelize(List.of(1, 2, 3), 3)
            .mapToPair(key -> new Tuple2<>(key, summary))
            .repartition(2)
            .values()
            .collect();
    assertThat(back).containsExactly(summary, summary, summary);
  }
}
