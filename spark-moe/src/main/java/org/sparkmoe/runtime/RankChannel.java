package org.sparkmoe.runtime;

import java.io.Serializable;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
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
  private static final Map<String, Function<RankMessage, RankMessage.Order>> JOBS =
      new ConcurrentHashMap<>();

  private record Envelope(String job, RankMessage message, boolean asks) implements Serializable {}

  /** A driver's end, until it is closed. */
  @FunctionalInterface
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * On the driver: {@code receiver} answers the messages of {@code job}, on a thread of Spark's.
   */
  static Subscription subscribe(String job, Function<RankMessage, RankMessage.Order> receiver) {
    JOBS.put(job, receiver);
    return () -> JOBS.remove(job);
  }

  /** On an executor: whether the plugin is configured. */
  static boolean isOpen() {
    return EXECUTOR.get() != null;
  }

  /** On an executor: sends without waiting. Does nothing where the plugin is not configured. */
  static void send(String job, RankMessage message) {
    PluginContext context = EXECUTOR.get();
    if (context == null) {
      return;
    }
    try {
      context.send(new Envelope(job, message, false));
    } catch (Exception e) {
      // Progress is for the user's eyes: training does not end because of it.
      LOG.warn("the driver does not get {}", message, e);
    }
  }

  /** On an executor: sends and waits until the driver has it, so that it is there before others. */
  static void deliver(String job, RankMessage message) {
    if (ask(job, message).isEmpty() && isOpen()) {
      LOG.warn("the driver does not get {}", message);
    }
  }

  /** On an executor: sends and waits for the answer; empty if none comes. */
  static Optional<RankMessage.Order> ask(String job, RankMessage message) {
    PluginContext context = EXECUTOR.get();
    if (context == null) {
      return Optional.empty();
    }
    try {
      String answer = (String) context.ask(new Envelope(job, message, true));
      return Optional.of(RankMessage.Order.valueOf(answer));
    } catch (Exception e) {
      LOG.debug("the driver does not answer {}", message, e);
      return Optional.empty();
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
        Function<RankMessage, RankMessage.Order> receiver = JOBS.get(envelope.job());
        // A job that nobody waits for any more is one that failed.
        RankMessage.Order answer =
            receiver == null ? RankMessage.Order.ABORT : receiver.apply(envelope.message());
        // Executors read answers without the jars of the job on their class path, and leave the
        // driver
        // over a class that they do not know: a text it is.
        return envelope.asks() ? answer.name() : null;
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
