package org.sparkmoe.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A training job on which faults are brought.
 *
 * @param spark what it runs
 * @param cluster where it runs
 * @param directory of everything that it reads and leaves
 * @param pace milliseconds that every forward pass of a MoE layer takes longer
 */
record Scene(Installation spark, Cluster cluster, Path directory, long pace) {
  private static final Pattern CHECKPOINT = Pattern.compile("step \\d+  checkpoint ");

  Scene(Installation spark, Cluster cluster, Path directory) {
    this(spark, cluster, directory, 0);
  }

  /**
   * Where a job runs.
   *
   * @param master for spark-submit
   * @param prefix in front of spark-submit's command line
   * @param conf Spark properties
   */
  record Cluster(String master, List<String> prefix, List<String> conf) {

    /** A JVM for each rank. */
    static Cluster local(int ranks) {
      return new Cluster("local-cluster[%d,1,1024]".formatted(ranks), List.of(), List.of());
    }

    Cluster with(String property) {
      List<String> more = new ArrayList<>(conf);
      more.add(property);
      return new Cluster(master, prefix, more);
    }
  }

  /** The text; a copy, so that it can be taken away. */
  Path text() {
    return directory.resolve("text");
  }

  Path model() {
    return directory.resolve("model");
  }

  Path checkpoints() {
    return model().resolve("checkpoints");
  }

  /** Where measured cost models are kept. */
  Path profiles() {
    return directory.resolve("profiles");
  }

  /**
   * Begins with what another scene measured, so that both cut their layers into the same chunks.
   */
  Scene withProfilesOf(Scene other) throws IOException {
    Files.createDirectories(profiles());
    try (Stream<Path> all = Files.list(other.profiles())) {
      for (Path profile : all.toList()) {
        Files.copy(profile, profiles().resolve(profile.getFileName()));
      }
    }
    return this;
  }

  /** What starts again from here on must know by itself how layers are cut. */
  void forgetProfiles() throws IOException, InterruptedException {
    Shell.run("rm", "-r", profiles().toString());
  }

  /** Makes the directory. */
  Scene prepare() throws IOException {
    Files.createDirectories(text());
    Files.createDirectories(orders());
    try (Stream<Path> sources = Files.list(spark.text())) {
      for (Path source : sources.filter(Files::isRegularFile).toList()) {
        Files.copy(source, text().resolve(source.getFileName()));
      }
    }
    return this;
  }

  private Path orders() {
    return directory.resolve("orders");
  }

  /** Starts training. */
  Submission train(List<String> settings, String... more) throws IOException {
    String mark = "-D%s=%s".formatted(FaultHook.DIRECTORY, orders());
    List<String> arguments = new ArrayList<>(List.of(mark));
    arguments.add("org.apache.spark.deploy.SparkSubmit");
    arguments.addAll(List.of("--master", cluster.master()));
    conf(arguments, "spark.executor.extraClassPath=" + spark.classPath());
    conf(
        arguments,
        "spark.executor.extraJavaOptions=%s %s -D%s=%d"
            .formatted(String.join(" ", Installation.brief()), mark, FaultHook.PACE, pace));
    conf(arguments, "spark.executor.memory=512m");
    conf(arguments, "spark.ui.enabled=false");
    cluster.conf().forEach(property -> conf(arguments, property));
    arguments.addAll(
        List.of("--class", "org.sparkmoe.app.SparkMoe", "local:" + spark.jar(), "train"));
    arguments.addAll(List.of("--conf", spark.tinyConf().toString()));
    arguments.addAll(List.of(more));
    List<String> all = new ArrayList<>(List.of("data.paths=" + text()));
    all.add("output.directory=" + model());
    all.add("schedule.profile-cache=" + profiles());
    all.add("moe.hooks=[%s]".formatted(FaultHook.class.getName()));
    all.addAll(settings);
    all.forEach(setting -> arguments.addAll(List.of("--set", setting)));
    return Submission.start(spark, cluster.prefix(), mark, arguments);
  }

  private static void conf(List<String> arguments, String property) {
    arguments.addAll(List.of("--conf", property));
  }

  /** Waits for the next published checkpoint. */
  static void awaitCheckpoint(Submission job) throws InterruptedException {
    job.await(CHECKPOINT, System.nanoTime());
  }

  /** Orders {@link FaultHook} on {@code rank}. */
  void order(int rank, String what) throws IOException {
    Path written = Files.writeString(orders().resolve("new"), what);
    Files.move(written, orders().resolve("rank-" + rank));
  }

  /** Waits until {@link FaultHook} has taken all orders. */
  void awaitObeyed() throws IOException, InterruptedException {
    while (true) {
      try (Stream<Path> left = Files.list(orders())) {
        if (left.findAny().isEmpty()) {
          return;
        }
      }
      Thread.sleep(1);
    }
  }

  /** A shard of the newest published checkpoint. */
  Path newestShard() throws IOException {
    try (Stream<Path> all = Files.list(checkpoints())) {
      return all.filter(path -> path.getFileName().toString().startsWith("step-"))
          .max(Comparator.naturalOrder())
          .orElseThrow()
          .resolve("shard-00001.safetensors");
    }
  }

  /** Sends a signal by {@code kill}, which Java cannot. */
  static void signal(String name, long pid) throws IOException, InterruptedException {
    Shell.run("kill", "-" + name, String.valueOf(pid));
  }
}
