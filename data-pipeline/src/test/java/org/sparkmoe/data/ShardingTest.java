package org.sparkmoe.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SparkFixture.class)
class ShardingTest {
  private static final Sharding.RankGrid ONE = new Sharding.RankGrid(1, 1, 1);
  private static final StructType SCHEMA =
      new StructType()
          .add("sequence", DataTypes.LongType)
          .add("tokens", DataTypes.createArrayType(DataTypes.IntegerType));

  @Test
  void everyLayoutGetsTheSameGlobalBatches(SparkSession spark) {
    Dataset<Row> side = side(spark, 43);
    List<List<TokenSequence>> reference = shards(side, ONE);
    assertThat(reference.get(0)).hasSize(40);
    for (int[] layout : new int[][] {{1, 2}, {2, 1}, {2, 2}, {4, 1}, {8, 1}}) {
      int dp = layout[0];
      int mp = layout[1];
      List<List<TokenSequence>> ranks = shards(side, new Sharding.RankGrid(1, dp, mp));
      assertThat(ranks).hasSize(dp * mp);
      List<TokenSequence> joined = new ArrayList<>();
      for (int batch = 0; batch < 5; batch++) {
        for (int shard = 0; shard < dp; shard++) {
          List<TokenSequence> rank = ranks.get(shard * mp);
          joined.addAll(rank.subList(batch * 8 / dp, (batch + 1) * 8 / dp));
        }
      }
      assertThat(joined).isEqualTo(reference.get(0));
      for (int rank = 0; rank < dp * mp; rank++) {
        assertThat(ranks.get(rank)).isEqualTo(ranks.get(rank / mp * mp));
      }
    }
  }

  @Test
  void everyPipelineStageGetsWhatTheFirstGets(SparkSession spark) {
    List<List<TokenSequence>> ranks = shards(side(spark, 20), new Sharding.RankGrid(2, 2, 1));
    assertThat(ranks).hasSize(4);
    assertThat(ranks.get(0)).isNotEqualTo(ranks.get(1));
    assertThat(ranks.get(2)).isEqualTo(ranks.get(0));
    assertThat(ranks.get(3)).isEqualTo(ranks.get(1));
  }

  @Test
  void theSeedDecidesTheOrderAndNothingIsRepeated(SparkSession spark) {
    Dataset<Row> side = side(spark, 43);
    List<TokenSequence> a = Sharding.shard(side, 1, 8, ONE).collect();
    assertThat(Sharding.shard(side.repartition(7), 1, 8, ONE).collect()).isEqualTo(a);
    assertThat(Sharding.shard(side, 2, 8, ONE).collect()).isNotEqualTo(a);
    Set<Integer> firstTokens = new HashSet<>();
    for (int i = 0; i < a.size(); i++) {
      assertThat(a.get(i).position()).isEqualTo(i);
      assertThat(firstTokens.add(a.get(i).tokens()[0])).isTrue();
    }
  }

  @Test
  void aSequencePassesABarrierStageUnderRequiredRegistration(SparkSession spark) {
    List<TokenSequence> passed =
        Sharding.shard(side(spark, 8), 1, 8, new Sharding.RankGrid(1, 2, 1))
            .rdd()
            .barrier()
            .mapPartitions(
                new Identity(), true, scala.reflect.ClassTag$.MODULE$.apply(TokenSequence.class))
            .toJavaRDD()
            .collect();
    assertThat(passed).hasSize(8);
    assertThat(passed.get(0).tokens()).hasSize(3);
  }

  @Test
  void refusesLessThanOneGlobalBatch(SparkSession spark) {
    Dataset<Row> side = side(spark, 7);
    assertThatThrownBy(() -> Sharding.shard(side, 1, 8, ONE))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("there are 7 sequences, must be at least the global batch 8");
    assertThatThrownBy(() -> Sharding.shard(side, 1, 7, new Sharding.RankGrid(1, 2, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must be a multiple of the data parallel size 2");
  }

  private static final class Identity
      extends scala.runtime.AbstractFunction1<
          scala.collection.Iterator<TokenSequence>, scala.collection.Iterator<TokenSequence>>
      implements java.io.Serializable {
    private static final long serialVersionUID = 1L;

    @Override
    public scala.collection.Iterator<TokenSequence> apply(
        scala.collection.Iterator<TokenSequence> sequences) {
      return sequences;
    }
  }

  private static List<List<TokenSequence>> shards(Dataset<Row> side, Sharding.RankGrid grid) {
    return Arrays.stream(
            Sharding.shard(side, 5, 8, grid)
                .collectPartitions(java.util.stream.IntStream.range(0, grid.ranks()).toArray()))
        .toList();
  }

  private static Dataset<Row> side(SparkSession spark, int sequences) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < sequences; i++) {
      rows.add(RowFactory.create((long) i, List.of(i, i + 1, i + 2)));
    }
    return spark.createDataFrame(rows, SCHEMA).repartition(3);
  }
}
