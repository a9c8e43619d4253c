package org.sparkmoe.data;

import static org.apache.spark.sql.functions.array_sort;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.collect_list;
import static org.apache.spark.sql.functions.flatten;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.struct;

import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Cuts one stream of tokens, laid over many partitions, into rows of L + 1 tokens.
 *
 * <p>Row w holds the tokens {@code w·L … w·L + L} of the stream, so that it overlaps the next row
 * by one token and each token but the first is predicted once. A first pass counts the tokens of
 * each partition; with the sums before it, a partition knows where its tokens lie in the stream and
 * emits its part of every row it touches. Rows do not depend on where partitions end. The last,
 * incomplete row is dropped.
 */
final class SequencePacker {
  private static final StructType FRAGMENT =
      new StructType()
          .add(PreparedData.SEQUENCE, DataTypes.LongType, false)
          .add("start", DataTypes.IntegerType, false)
          .add(PreparedData.TOKENS, DataTypes.createArrayType(DataTypes.IntegerType, false), false);

  private SequencePacker() {}

  /** Rows of L + 1 tokens, how many tokens the stream has, and how many of those are context. */
  record Packed(Dataset<Row> rows, long tokens, long contextTokens) {}

  /**
   * @param documents tokens of each document in the order of the stream, partition after partition;
   *     read twice, and must be the same both times
   * @param length L
   */
  static Packed pack(SparkSession spark, JavaRDD<int[]> documents, int length) {
    List<long[]> counts = documents.mapPartitions(SequencePacker::countTokens).collect();
    long[] starts = new long[counts.size()];
    for (int p = 1; p < starts.length; p++) {
      starts[p] = starts[p - 1] + counts.get(p - 1)[0];
    }
    JavaRDD<Row> fragments =
        documents.mapPartitionsWithIndex(
            (partition, tokens) -> new Fragments(tokens, starts[partition], length), true);
    Dataset<Row> rows =
        spark
            .createDataFrame(fragments, FRAGMENT)
            .groupBy(col(PreparedData.SEQUENCE))
            .agg(
                flatten(
                        array_sort(collect_list(struct(col("start"), col(PreparedData.TOKENS))))
                            .getField(PreparedData.TOKENS))
                    .as(PreparedData.TOKENS))
            .filter(size(col(PreparedData.TOKENS)).equalTo(length + 1));
    return new Packed(
        rows,
        counts.stream().mapToLong(count -> count[0]).sum(),
        counts.stream().mapToLong(count -> count[1]).sum());
  }

  /** Tokens of a partition, and those among them that are context. */
  private static Iterator<long[]> countTokens(Iterator<int[]> documents) {
    long[] counts = new long[2];
    while (documents.hasNext()) {
      int[] document = documents.next();
      counts[0] += document.length;
      for (int entry : document) {
        counts[1] += ContextToken.isTarget(entry) ? 0 : 1;
      }
    }
    return List.of(counts).iterator();
  }

  /** The parts of rows that lie in one partition, whose first token is number {@code position}. */
  private static final class Fragments implements Iterator<Row> {
    private final Iterator<int[]> documents;
    private final int length;
    private final int[] row;
    private int[] document = new int[0];
    private int taken;
    private long sequence;
    private int start;
    private int end;

    Fragments(Iterator<int[]> documents, long position, int length) {
      this.documents = documents;
      this.length = length;
      this.row = new int[length + 1];
      // A token at the border of two rows ends one and begins the next.
      boolean atBorder = position > 0 && position % length == 0;
      this.sequence = atBorder ? position / length - 1 : position / length;
      this.start = Math.toIntExact(position - sequence * length);
      this.end = start;
    }

    @Override
    public boolean hasNext() {
      return end > start || moreTokens();
    }

    @Override
    public Row next() {
      if (!hasNext()) {
        throw new NoSuchElementException("no more tokens in this partition");
      }
      while (end <= length && moreTokens()) {
        int count = Math.min(length + 1 - end, document.length - taken);
        System.arraycopy(document, taken, row, end, count);
        taken += count;
        end += count;
      }
      Row fragment = RowFactory.create(sequence, start, Arrays.copyOfRange(row, start, end));
      boolean full = end == length + 1;
      row[0] = row[length];
      sequence++;
      start = 0;
      end = full ? 1 : 0;
      return fragment;
    }

    private boolean moreTokens() {
      while (taken == document.length && documents.hasNext()) {
        document = documents.next();
        taken = 0;
      }
      return taken < document.length;
    }
  }
}
