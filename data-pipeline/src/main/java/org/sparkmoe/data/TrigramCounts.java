package org.sparkmoe.data;

import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaRDD;
import org.jspecify.annotations.Nullable;
import scala.Tuple2;

/**
 * How often each symbol follows each pair of symbols. A symbol is a byte of UTF-8 or {@link #END},
 * which stands twice before a document and once after it.
 */
public final class TrigramCounts {
  /** Bytes and the end of a document. */
  static final int SYMBOLS = 257;

  /** The end of a document. */
  static final int END = 256;

  private final long @Nullable [][] byContext = new long[SYMBOLS * SYMBOLS][];

  /** Counts over all documents, on the cluster. */
  public static TrigramCounts of(JavaRDD<String> documents) {
    Map<Integer, Long> counts =
        documents
            .mapPartitionsToPair(TrigramCounts::countPartition)
            .reduceByKey(Long::sum)
            .collectAsMap();
    TrigramCounts result = new TrigramCounts();
    counts.forEach((key, n) -> result.add(key / SYMBOLS, key % SYMBOLS, n));
    return result;
  }

  /** Counts one more document. */
  public void add(String document) {
    int context = END * SYMBOLS + END;
    for (byte b : document.getBytes(StandardCharsets.UTF_8)) {
      int symbol = Byte.toUnsignedInt(b);
      add(context, symbol, 1);
      context = context % SYMBOLS * SYMBOLS + symbol;
    }
    add(context, END, 1);
  }

  /** Counts what {@code other} counted as well. */
  void addAll(TrigramCounts other) {
    for (int context = 0; context < byContext.length; context++) {
      long[] row = other.byContext[context];
      for (int symbol = 0; row != null && symbol < SYMBOLS; symbol++) {
        add(context, symbol, row[symbol]);
      }
    }
  }

  /** Counts of each symbol after {@code context = a·SYMBOLS + b}; null when it never occurs. */
  long @Nullable [] after(int context) {
    return byContext[context];
  }

  /** Number of bytes of text counted. */
  long bytes() {
    long bytes = 0;
    for (long @Nullable [] row : byContext) {
      if (row != null) {
        for (int symbol = 0; symbol < END; symbol++) {
          bytes += row[symbol];
        }
      }
    }
    return bytes;
  }

  /** Number of documents counted. */
  long documents() {
    long documents = 0;
    for (long @Nullable [] row : byContext) {
      documents += row == null ? 0 : row[END];
    }
    return documents;
  }

  private void add(int context, int symbol, long n) {
    long[] row = byContext[context];
    if (row == null) {
      row = new long[SYMBOLS];
      byContext[context] = row;
    }
    row[symbol] += n;
  }

  private static Iterator<Tuple2<Integer, Long>> countPartition(Iterator<String> documents) {
    TrigramCounts counts = new TrigramCounts();
    documents.forEachRemaining(counts::add);
    return IntStream.range(0, SYMBOLS * SYMBOLS).boxed().flatMap(counts::pairs).iterator();
  }

  private Stream<Tuple2<Integer, Long>> pairs(int context) {
    long[] row = byContext[context];
    return row == null
        ? Stream.empty()
        : IntStream.range(0, SYMBOLS)
            .filter(symbol -> row[symbol] > 0)
            .mapToObj(symbol -> new Tuple2<>(context * SYMBOLS + symbol, row[symbol]));
  }
}
