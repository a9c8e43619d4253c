package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparkmoe.conf.ConfigSource;
import org.sparkmoe.topology.ClusterConfig;

class ElasticLayoutTest {

  private static RunConfig config(String... assignments) {
    List<String> all = new ArrayList<>(List.of("data.paths=[x]", "train.micro-batch=1"));
    all.addAll(List.of(assignments));
    return RunConfig.bind(ConfigSource.parse(RunConfig.SECTIONS, "", all));
  }

  private static ClusterConfig largest(int slots, String... assignments) {
    return ElasticLayout.largest(config(assignments), slots).orElseThrow();
  }

  @Test
  void allSlotsAreUsedIfBatchAndModelCanBeSharedOutOnThem() {
    ClusterConfig layout =
        largest(6, "cluster.ranks=8", "train.global-batch=48", "moe.experts=6", "cluster.ep=2");
    assertThat(layout.ranks()).isEqualTo(6);
    assertThat(layout.ep()).isEqualTo(2);
  }

  @Test
  void ranksThatCannotShareTheBatchStayUnused() {
    assertThat(largest(7, "cluster.ranks=8", "train.global-batch=32").ranks()).isEqualTo(4);
  }

  @Test
  void modelParallelismIsKeptWhereItCanBe() {
    ClusterConfig layout =
        largest(
            2, "cluster.ranks=4", "cluster.mp=2", "cluster.ep=2", "cluster.esp=2", "moe.experts=8");
    assertThat(layout.ranks()).isEqualTo(2);
    assertThat(layout.mp()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void everyLayoutIsOneThatAFreshRunWouldAccept(int slots) {
    RunConfig config =
        config("cluster.ranks=8", "cluster.pp=2", "cluster.mp=2", "cluster.ep=2", "cluster.esp=2");
    ClusterConfig layout = ElasticLayout.largest(config, slots).orElseThrow();
    assertThat(layout.ranks()).isBetween(1, slots);
    assertThat(config.resumedOn(layout).combinationProblems()).isEmpty();
  }

  @Test
  void noSlotsNoLayout() {
    assertThat(ElasticLayout.largest(config("cluster.ranks=2"), 0)).isEmpty();
  }
}
