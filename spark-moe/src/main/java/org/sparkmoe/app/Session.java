package org.sparkmoe.app;

import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.sparkmoe.runtime.SparkSettings;

/**
 * Spark for the time of one command.
 *
 * @param spark to work with
 * @param owned whether the command started it, and so stops it
 */
record Session(SparkSession spark, boolean owned) implements AutoCloseable {

  /** Takes the running session of this JVM, or starts one. */
  static Session open(Map<String, String> properties) {
    boolean running = SparkSession.getDefaultSession().isDefined();
    return new Session(
        SparkSession.builder().config(SparkSettings.of(properties)).getOrCreate(), !running);
  }

  @Override
  public void close() {
    if (owned) {
      spark.stop();
    }
  }
}
