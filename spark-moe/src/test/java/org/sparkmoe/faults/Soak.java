package org.sparkmoe.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;

/** Trains while random executors get SIGKILL, from the first checkpoint on, and watches memory. */
public final class Soak {
  private static final int RANKS = 2;
  private static final long PACE_MILLIS = 500;

  /** Micro-batches of a step on each rank in {@code tiny.conf}. */
  private static final int PASSES = 2;

  /** Of the time; the rest is restarts. */
  private static final double TRAINING_SHARE = 0.8;

  private static final long SAMPLE_MILLIS = 5000;

  private final Submission job;
  private final long startNanos = System.nanoTime();
  private final List<MemorySample> samples = new ArrayList<>();
  private final Random random = new Random(1);
  private int kills;

  private Soak(Submission job) {
    this.job = job;
  }

  /**
   * @param args minutes (30), seconds from kill to kill (120)
   */
  public static void main(String[] args) throws Exception {
    double minutes = args.length > 0 ? Double.parseDouble(args[0]) : 30;
    double between = args.length > 1 ? Double.parseDouble(args[1]) : 120;
    long steps =
        (long) (TimeUnit.MINUTES.toMillis(1) * minutes * TRAINING_SHARE / (PASSES * PACE_MILLIS));
    List<String> settings = new ArrayList<>(FaultRun.SETTINGS);
    settings.add("train.steps=" + steps);
    settings.add("checkpoint.every=10");
    settings.add("restart.max=100000");
    Installation spark = Installation.here();
    Path directory = Files.createTempDirectory("spark-moe-soak-");
    System.err.println("outputs: " + directory);
    Scene.Cluster cluster = Scene.Cluster.local(RANKS);
    Scene undisturbed = new Scene(spark, cluster, directory.resolve("undisturbed")).prepare();
    try (Submission beside = undisturbed.train(settings)) {
      // By now it has measured, and both are to cut their layers into the same chunks.
      Scene.awaitCheckpoint(beside);
      Scene scene =
          new Scene(spark, cluster, directory.resolve("soak"), PACE_MILLIS)
              .prepare()
              .withProfilesOf(undisturbed);
      try (Submission job = scene.train(settings)) {
        Scene.awaitCheckpoint(job);
        Soak soak = new Soak(job);
        soak.disturb(between);
        int code = job.exitCode();
        Files.writeString(directory.resolve("output.txt"), job.output());
        soak.writeSamples(directory.resolve("memory.csv"));
        beside.exitCode();
        soak.report(code, Curve.of(scene.model()), Curve.of(undisturbed.model()));
      }
    }
  }

  private void disturb(double between) throws Exception {
    double nextKill = between;
    while (job.isAlive()) {
      Thread.sleep(SAMPLE_MILLIS);
      double now = (System.nanoTime() - startNanos) / (double) TimeUnit.SECONDS.toNanos(1);
      List<ProcessHandle> executors = job.executors();
      MemorySample.of("driver", job.pid(), now).ifPresent(samples::add);
      for (ProcessHandle executor : executors) {
        MemorySample.of("executor", executor.pid(), now).ifPresent(samples::add);
      }
      if (now >= nextKill && !executors.isEmpty()) {
        executors.get(random.nextInt(executors.size())).destroyForcibly();
        kills++;
        nextKill = now + between;
      }
    }
  }

  private void writeSamples(Path file) throws IOException {
    List<String> lines = new ArrayList<>(List.of("seconds,role,pid,resident_kib,heap_kib"));
    samples.forEach(sample -> lines.add(sample.csv()));
    Files.write(file, lines);
  }

  private void report(int code, Curve curve, Curve undisturbed) {
    double seconds = (System.nanoTime() - startNanos) / (double) TimeUnit.SECONDS.toNanos(1);
    System.out.printf(
        Locale.ROOT,
        "%.0f s, %d executors killed, %d restarts, exit code %d%n%n",
        seconds,
        kills,
        job.count("restart \\d+ of \\d+, with"),
        code);
    System.out.printf(
        Locale.ROOT,
        "final loss %.12f, undisturbed %.12f; largest relative difference of %d log lines: %s%n%n",
        curve.lastLoss(),
        undisturbed.lastLoss(),
        curve.points().size(),
        curve.difference(undisturbed));
    System.out.println("| median MiB | first quarter | between | last quarter |");
    System.out.println("|---|---|---|---|");
    row("driver, resident", "driver", MemorySample::residentKib, seconds);
    row("driver, heap", "driver", MemorySample::heapKib, seconds);
    row("executors, resident", "executor", MemorySample::residentKib, seconds);
    row("executors, heap", "executor", MemorySample::heapKib, seconds);
  }

  private void row(String name, String role, ToLongFunction<MemorySample> what, double seconds) {
    System.out.printf(
        Locale.ROOT,
        "| %s | %.0f | %.0f | %.0f |%n",
        name,
        median(role, what, 0, seconds / 4),
        median(role, what, seconds / 4, seconds * 3 / 4),
        median(role, what, seconds * 3 / 4, seconds));
  }

  private double median(String role, ToLongFunction<MemorySample> what, double from, double to) {
    long[] sorted =
        samples.stream()
            .filter(s -> s.role().equals(role) && s.seconds() >= from && s.seconds() < to)
            .mapToLong(what)
            .sorted()
            .toArray();
    return sorted.length == 0 ? Double.NaN : sorted[sorted.length / 2] / 1024.0;
  }
}
