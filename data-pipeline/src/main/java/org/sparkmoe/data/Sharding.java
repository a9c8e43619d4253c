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
 * <p>A seeded permutation, or the {@link Mixture} of several sources, puts all sequences in a
 * global order which no layout changes. Global batch b is the sequences {@code b·GB … (b+1)·GB} of
 * that order; the d-th DP shard takes the slots {@code d·GB/DP … (d+1)·GB/DP} of every batch, and
 * each rank of its MP group, in every pipeline stage, gets a copy. Nothing but a map follows the
 * shuffle, as a barrier stage wants it (SPARK-24820).
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
   * Cuts the training side into a partition for each rank; partition r holds the sequences of rank
   * r in order, every rank equally many. Of several sources, sequences are repeated as their
   * weights want it, until each sequence has been there once.
   *
   * @param mostBatches global batches after which several sources are cut off, because training
   *     takes no more
   * @throws DataException if there is not one whole global batch
   * @throws IllegalArgumentException if the global batch is not a multiple of DP
   */
  public static JavaRDD<TokenSequence> shard(
      PreparedData data, long seed, int globalBatch, long mostBatches, RankGrid grid) {
    if (data.counts().sources().isEmpty()) {
      return shard(data.train(), seed, globalBatch, grid);
    }
    Mixture mixture = data.mixture(seed);
    long sequences = countSequences(data.train());
    if (sequences != mixture.sequences()) {
      throw new DataException(
          "there are %d sequences, must be the %d of all sources: prepare the data again"
              .formatted(sequences, mixture.sequences()));
    }
    long batches = Math.min(mixture.cycle() / globalBatch, mostBatches);
    return shard(data.train(), mixture, batches, globalBatch, grid);
  }

  /**
   * Cuts {@code side} into a partition for each rank; partition r holds the sequences of rank r in
   * order, every rank equally many, none twice.
   *
   * @param side the training or validation side of {@link PreparedData}
   * @throws DataException if there is not one whole global batch
   * @throws IllegalArgumentException if the global batch is not a multiple of DP
   */
  public static JavaRDD<TokenSequence> shard(
      Dataset<Row> side, long seed, int globalBatch, RankGrid grid) {
    long sequences = countSequences(side);
    return shard(side, Mixture.of(sequences, seed), sequences / globalBatch, globalBatch, grid);
  }

  private static JavaRDD<TokenSequence> shard(
      Dataset<Row> side, Mixture mixture, long batches, int globalBatch, RankGrid grid) {
    int dataParallel = grid.dataParallel();
    if (globalBatch < 1 || globalBatch % dataParallel != 0) {
      throw new IllegalArgumentException(
          "global batch is %d, must be a multiple of the data parallel size %d"
              .formatted(globalBatch, dataParallel));
    }
    if (batches == 0) {
      throw new DataException(
          "there are %d sequences, must be at least the global batch %d: name more data, or lower"
                  .formatted(mixture.cycle(), globalBatch)
              + " the global batch or data.sequence-length");
    }
    Layout layout =
        new Layout(mixture, batches * globalBatch, globalBatch, globalBatch / dataParallel, grid);
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

  private record Layout(Mixture order, long used, int globalBatch, int shardBatch, RankGrid grid)
      implements Serializable {

    Iterator<Tuple2<Slot, int[]>> copies(Row row) {
      int[] tokens = PreparedData.tokens(row, 1);
      List<Tuple2<Slot, int[]>> copies = new ArrayList<>();
      order.places(row.getLong(0), used, position -> copy(position, tokens, copies));
      return copies.iterator();
    }

    private void copy(long position, int[] tokens, List<Tuple2<Slot, int[]>> copies) {
      int shard = (int) (position % globalBatch) / shardBatch;
      for (int stage = 0; stage < grid.stages(); stage++) {
        for (int mp = 0; mp < grid.modelParallel(); mp++) {
          copies.add(new Tuple2<>(new Slot(grid.rank(stage, shard, mp), position), tokens));
        }
      }
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
