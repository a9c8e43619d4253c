package org.sparkmoe.ml;

import java.util.Iterator;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Scores a partition, on an executor.
 *
 * @param directory of the model
 * @param columns what to read and to add
 * @param hadoop finds the file system
 */
record PartitionScoring(String directory, ScoringColumns columns, SerializableConfiguration hadoop)
    implements MapPartitionsFunction<Row, Row> {

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    return new ScoredRows(rows, columns, new Path(directory), hadoop.value());
  }
}
