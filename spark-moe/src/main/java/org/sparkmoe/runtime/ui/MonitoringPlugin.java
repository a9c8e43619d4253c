package org.sparkmoe.runtime.ui;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ToDoubleFunction;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.apache.spark.status.ElementTrackingStore;
import org.jspecify.annotations.Nullable;
import org.sparkmoe.moe.RoutingStats;
import org.sparkmoe.train.StepMetrics;

/**
 * Shows trainings in the driver's web UI and metrics; name it in {@code spark.plugins}. The tab
 * appears when the first training begins.
 */
public final class MonitoringPlugin implements SparkPlugin {

  @Override
  public DriverPlugin driverPlugin() {
    return new Driver();
  }

  @Override
  public @Nullable ExecutorPlugin executorPlugin() {
    return null;
  }

  private static final class Driver implements DriverPlugin {
    private final AtomicReference<@Nullable StepMetrics> newest = new AtomicReference<>();

    @Override
    public Map<String, String> init(SparkContext context, PluginContext plugin) {
      ElementTrackingStore store = (ElementTrackingStore) context.statusStore().store();
      AtomicBoolean shown = new AtomicBoolean();
      context.addSparkListener(
          new EventKeeper(
              store,
              event -> {
                if (event.step() != null) {
                  newest.set(event.step());
                }
                if (context.ui().isDefined() && shown.compareAndSet(false, true)) {
                  MoeTab.attach(context.ui().get(), store);
                }
              }));
      return Map.of();
    }

    @Override
    public void registerMetrics(String appId, PluginContext plugin) {
      MetricRegistry registry = plugin.metricRegistry();
      gauge(registry, "step", StepMetrics::step);
      gauge(registry, "loss", StepMetrics::loss);
      gauge(registry, "auxLoss", StepMetrics::auxLoss);
      gauge(registry, "learningRate", StepMetrics::learningRate);
      gauge(registry, "gradientNorm", StepMetrics::gradientNorm);
      gauge(registry, "tokensPerSecond", StepMetrics::tokensPerSecond);
      gauge(registry, "teraflops", StepMetrics::teraflops);
      gauge(registry, "mfu", step -> step.mfu() == null ? Double.NaN : step.mfu());
      gauge(registry, "imbalance", StepMetrics::imbalance);
      gauge(registry, "droppedShare", step -> mean(step, RoutingStats::droppedShare));
      gauge(registry, "gateEntropy", step -> mean(step, RoutingStats::gateEntropy));
      gauge(registry, "nativeBytes", StepMetrics::nativeBytes);
    }

    private static double mean(StepMetrics step, ToDoubleFunction<RoutingStats> value) {
      return step.routing().stream().mapToDouble(value).average().orElse(0);
    }

    /** Not a number until a step is done. */
    private void gauge(MetricRegistry registry, String name, ToDoubleFunction<StepMetrics> value) {
      Gauge<Double> gauge =
          () -> {
            StepMetrics step = newest.get();
            return step == null ? Double.NaN : value.applyAsDouble(step);
          };
      registry.register(name, gauge);
    }
  }
}
