package org.sparkmoe.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import scala.Tuple2;

/**
 * Hands the sequences of one side out to ranks.
 *
 * <p>A seeded permutation puts all sequences in a global order which no layout changes. Global
 * batch b is the sequences {@code b·GB … (b+1)·GB} of that order; the d-th DP shard takes the slots
 * {@code d·GB/DP … (d+1)·GB/DP} of every batch, and each rank of its MP group, in every pipeline
 * stage, gets a copy. Nothing but a map follows the shuffle, as a barrier stage wants it
 * (SPARK-24820).
 */
public final class Sharding {
  private Sharding() {}

  /**
   * How ranks are numbered: {@code (stage·dataParallel + shard)·modelParallel + mp}.
   *
   * @param stages PP, pipeline stages
   * @param dataParallel DP, shards of a global batch
   * @param modelParallel MP, ranks that work on the same shard together
   */
  public record RankGrid(int stages, int dataParallel, int modelParallel) implements Serializable {
    public RankGrid {
      if (stages < 1 || dataParallel < 1 || modelParallel < 1) {
        throw new IllegalArgumentException(
            "%d stages × data parallel size %d × model parallel size %d: each must be at least 1"
                .formatted(stages, dataParallel, modelParallel));
      }
    }

    int ranks() {
      return stages * dataParallel * modelParallel;
    }

    int rank(int stage, int shard, int mp) {
      return (stage * dataParallel + shard) * modelParallel + mp;
    }
  }

  /** Where a copy of a sequence goes; sorted by position within a rank. */
  record Slot(int rank, long position) implements Comparable<Slot>, Serializable {
    @Override
    public int compareTo(Slot other) {
      int byRank = Integer.compare(rank, other.rank);
      return byRank != 0 ? byRank : Long.compare(position, other.position);
    }
  }

  /**
   * Cuts {@code side} into a partition for each rank; partition r holds the sequences of rank r in
   * order, every rank equally many.
   *
   * @param side the training or validation side of {@link PreparedData}
   * @throws DataException if there is not one whole global batch
   * @throws IllegalArgumentException if the global batch is not a multiple of DP
   */
  public static JavaRDD<TokenSequence> shard(
      Dataset<Row> side, long seed, int globalBatch, RankGrid grid) {
    int dataParallel = grid.dataParallel();
    if (globalBatch < 1 || globalBatch % dataParallel != 0) {
      throw new IllegalArgumentException(
          "global batch is %d, must be a multiple of the data parallel size %d"
              .formatted(globalBatch, dataParallel));
    }
    long sequences = countSequences(side);
    if (sequences < globalBatch) {
      throw new DataException(
          "there are %d sequences, must be at least the global batch %d: name more data, or lower"
                  .formatted(sequences, globalBatch)
              + " the global batch or data.sequence-length");
    }
    Layout layout =
        new Layout(
            new Permutation(sequences, seed),
            sequences - sequences % globalBatch,
            globalBatch,
            globalBatch / dataParallel,
            grid);
    return side.select(col(PreparedData.SEQUENCE), col(PreparedData.TOKENS))
        .toJavaRDD()
        .flatMapToPair(layout::copies)
        .repartitionAndSortWithinPartitions(new RankPartitioner(grid.ranks()))
        .map(pair -> new TokenSequence(pair._1().position(), pair._2()));
  }

  private static long countSequences(Dataset<Row> side) {
    Row row =
        side.agg(count(lit(1)).as("n"), max(col(PreparedData.SEQUENCE)).as("last"))
            .collectAsList()
            .get(0);
    long sequences = row.getLong(0);
    if (sequences > 0 && row.getLong(1) != sequences - 1) {
      throw new DataException(
          "sequence numbers end at %d in %d sequences, must be 0 to %d: prepare the data again"
              .formatted(row.getLong(1), sequences, sequences - 1));
    }
    return sequences;
  }

  private record Layout(
      Permutation order, long used, int globalBatch, int shardBatch, RankGrid grid)
      implements Serializable {

    Iterator<Tuple2<Slot, int[]>> copies(Row row) {
      long position = order.apply(row.getLong(0));
      List<Tuple2<Slot, int[]>> copies = new ArrayList<>();
      if (position < used) {
        int shard = (int) (position % globalBatch) / shardBatch;
        int[] tokens = PreparedData.tokens(row, 1);
        for (int stage = 0; stage < grid.stages(); stage++) {
          for (int mp = 0; mp < grid.modelParallel(); mp++) {
            copies.add(new Tuple2<>(new Slot(grid.rank(stage, shard, mp), position), tokens));
          }
        }
      }
      return copies.iterator();
    }
  }

  private static final class RankPartitioner extends Partitioner {
    private static final long serialVersionUID = 1L;
    private final int ranks;

    RankPartitioner(int ranks) {
      this.ranks = ranks;
    }

    @Override
    public int numPartitions() {
      return ranks;
    }

    @Override
    public int getPartition(Object key) {
      return ((Slot) key).rank();
    }
  }
}
