package org.sparkmoe.runtime;

import java.io.Serializable;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Messages from ranks to the driver over Spark's own RPC, which is authenticated and encrypted as
 * the user configured it. Accumulators would do the same at the pace of heartbeats, every 10 s.
 *
 * <p>Spark makes the two ends itself, from the class named in {@code spark.plugins}, and gives
 * tasks no way to them; so the ends find each other through the two static fields here, one set by
 * Spark in each executor and one by the jobs of a driver.
 */
public final class RankChannel implements SparkPlugin {
  private static final Logger LOG = LoggerFactory.getLogger(RankChannel.class);
  private static final AtomicReference<@Nullable PluginContext> EXECUTOR = new AtomicReference<>();
  private static final Map<String, Consumer<RankMessage>> JOBS = new ConcurrentHashMap<>();

  private record Envelope(String job, RankMessage message) implements Serializable {}

  /** A driver's end, until it is closed. */
  @FunctionalInterface
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }

  /** On the driver: {@code receiver} gets the messages of {@code job}, on a thread of Spark's. */
  static Subscription subscribe(String job, Consumer<RankMessage> receiver) {
    JOBS.put(job, receiver);
    return () -> JOBS.remove(job);
  }

  /** On an executor: sends without waiting. Does nothing where the plugin is not configured. */
  static void send(String job, RankMessage message) {
    PluginContext context = EXECUTOR.get();
    if (context == null) {
      return;
    }
    try {
      context.send(new Envelope(job, message));
    } catch (Exception e) {
      // Progress is for the user's eyes: training does not end because of it.
      LOG.warn("the driver does not get {}", message, e);
    }
  }

  /** On an executor: sends and waits until the driver has it, so that it is there before others. */
  static void deliver(String job, RankMessage message) {
    PluginContext context = EXECUTOR.get();
    if (context == null) {
      return;
    }
    try {
      context.ask(new Envelope(job, message));
    } catch (Exception e) {
      LOG.warn("the driver does not get {}", message, e);
    }
  }

  @Override
  public DriverPlugin driverPlugin() {
    return new DriverPlugin() {
      @Override
      public Map<String, String> init(SparkContext context, PluginContext plugin) {
        return Map.of();
      }

      @Override
      public @Nullable Object receive(Object message) {
        Envelope envelope = (Envelope) message;
        Consumer<RankMessage> receiver = JOBS.get(envelope.job());
        if (receiver != null) {
          receiver.accept(envelope.message());
        }
        return null;
      }
    };
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new ExecutorPlugin() {
      private @Nullable PluginContext own;

      @Override
      public void init(PluginContext context, Map<String, String> extraConf) {
        own = context;
        EXECUTOR.set(context);
      }

      @Override
      public void shutdown() {
        EXECUTOR.compareAndSet(own, null);
      }
    };
  }
}
