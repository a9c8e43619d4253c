package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.sparkmoe.topology.ClusterConfig;

@ExtendWith(SparkFixture.class)
class PreflightTest {
  private final SparkContext context;

  PreflightTest(SparkSession spark) {
    context = spark.sparkContext();
  }

  private void check(int ranks, SparkConf conf) {
    ClusterConfig cluster =
        new ClusterConfig(
            ranks, ranks, 1, 1, 1, 1, "auto", "auto", Duration.ofSeconds(1), Duration.ofSeconds(1));
    new Preflight(context, cluster, DeviceConfig.cpu(), ProgressListener.silent()).check(conf);
  }

  @Test
  void asManyRanksAsSlotsCanStart() {
    assertThatCode(() -> check(4, context.getConf())).doesNotThrowAnyException();
  }

  @Test
  void moreRanksThanSlotsAreRefusedWithTheSettingToChange() {
    assertThatThrownBy(() -> check(5, context.getConf()))
        .isInstanceOf(PreflightException.class)
        .hasMessage(
            "cluster.ranks is 5, must be at most the 4 tasks that local[4] runs at once"
                + " (spark.task.cpus is 1): lower it, or set spark.master to local[5]");
  }

  @Test
  void dynamicAllocationIsRefusedWithTheSettingToChange() {
    SparkConf conf = context.getConf().set("spark.dynamicAllocation.enabled", "true");
    assertThatThrownBy(() -> check(4, conf))
        .isInstanceOf(PreflightException.class)
        .hasMessageContaining("spark.dynamicAllocation.enabled is true, must be false");
  }
}
