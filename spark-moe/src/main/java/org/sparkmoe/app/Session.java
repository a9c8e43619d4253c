package org.sparkmoe.app;

import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.sparkmoe.runtime.SparkSettings;

/** Spark for the time of one command. */
record Session(SparkSession spark) implements AutoCloseable {

  /** Starts Spark, or takes what spark-submit has set up. */
  static Session open(Map<String, String> properties) {
    return new Session(SparkSession.builder().config(SparkSettings.of(properties)).getOrCreate());
  }

  @Override
  public void close() {
    spark.stop();
  }
}
