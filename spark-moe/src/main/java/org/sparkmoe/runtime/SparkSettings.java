package org.sparkmoe.runtime;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.serializer.KryoSerializer;
import org.sparkmoe.runtime.ui.MonitoringPlugin;

/** The properties that a Spark application needs to train. */
public final class SparkSettings {
  private static final String PLUGINS = "spark.plugins";
  private static final String EXECUTOR_OPTIONS = "spark.executor.extraJavaOptions";
  private static final String LISTING_THRESHOLD =
      "spark.sql.sources.parallelPartitionDiscovery.threshold";

  /**
   * The JVM property by which JavaCPP limits the memory of the process, 4 times the largest heap if
   * it is not set. Tensors are outside the heap and planned for by themselves, so a large model in
   * a small heap would fail: 0 is no limit.
   */
  public static final String NATIVE_LIMIT = "org.bytedeco.javacpp.maxPhysicalBytes";

  private SparkSettings() {}

  /**
   * What a new application starts with: {@code defaults} under what spark-submit has set, and what
   * we need over both.
   *
   * @param defaults properties without {@code spark.} in front
   */
  public static SparkConf of(Map<String, String> defaults) {
    SparkConf conf = new SparkConf();
    defaults.forEach((key, value) -> conf.setIfMissing("spark." + key, value));
    conf.setIfMissing("spark.app.name", "Spark MoE");
    conf.set("spark.serializer", KryoSerializer.class.getName());
    conf.set("spark.kryo.registrationRequired", "true");
    conf.set("spark.kryo.registrator", RuntimeKryoRegistrator.class.getName());
    conf.set(PLUGINS, withOurs(conf.get(PLUGINS, "")));
    conf.set(EXECUTOR_OPTIONS, withoutNativeLimit(conf.get(EXECUTOR_OPTIONS, "")));
    // glibc maps each tensor of 32 MB or more anew and unmaps it when freed, so that every use of
    // one
    // waits for the kernel to hand out its pages.
    conf.setIfMissing("spark.executorEnv.MALLOC_MMAP_MAX_", "0");
    conf.setIfMissing("spark.executorEnv.MALLOC_TRIM_THRESHOLD_", "8000000000");
    // Files are listed on the driver: beyond 32 paths Spark would do it in a job of its own, which
    // sends classes of Hadoop that nobody has registered.
    conf.setIfMissing(LISTING_THRESHOLD, String.valueOf(Integer.MAX_VALUE));
    if (!isLocal(conf) && !conf.contains("spark.jars")) {
      // Started without spark-submit, which would have said which jar executors need.
      SparkContext.jarOfClass(SparkSettings.class).foreach(jar -> conf.set("spark.jars", jar));
    }
    return conf;
  }

  private static boolean isLocal(SparkConf conf) {
    String master = conf.get("spark.master", "");
    return master.equals("local") || master.startsWith("local[");
  }

  private static String withoutNativeLimit(String options) {
    return options.contains(NATIVE_LIMIT)
        ? options
        : "%s -D%s=0".formatted(options, NATIVE_LIMIT).strip();
  }

  private static String withOurs(String plugins) {
    return Stream.concat(
            Arrays.stream(plugins.split(",")).filter(name -> !name.isBlank()),
            Stream.of(RankChannel.class.getName(), MonitoringPlugin.class.getName()))
        .distinct()
        .collect(Collectors.joining(","));
  }
}
