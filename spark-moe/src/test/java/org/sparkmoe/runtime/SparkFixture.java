package org.sparkmoe.runtime;

import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.metrics.sink.PrometheusServlet;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives all tests of the JVM one local session of four slots, with the settings of a real run. */
public final class SparkFixture implements ParameterResolver {
  private static final ExtensionContext.Namespace NAMESPACE =
      ExtensionContext.Namespace.create(SparkFixture.class);

  private record Session(SparkSession spark) implements ExtensionContext.Store.CloseableResource {
    @Override
    public void close() {
      spark.stop();
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == SparkSession.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getRoot()
        .getStore(NAMESPACE)
        .getOrComputeIfAbsent(Session.class, key -> new Session(start()), Session.class)
        .spark();
  }

  private static SparkSession start() {
    Map<String, String> defaults =
        Map.of(
            "master", "local[4]",
            "ui.port", "0",
            "metrics.conf.*.sink.prometheusServlet.class", PrometheusServlet.class.getName(),
            "metrics.conf.*.sink.prometheusServlet.path", "/metrics/prometheus",
            "sql.shuffle.partitions", "3",
            "sql.warehouse.dir", Path.of("target", "spark-warehouse").toString());
    return SparkSession.builder().config(SparkSettings.of(defaults)).getOrCreate();
  }
}
