package org.sparkmoe.faults;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A standalone cluster: master and driver on the first node, a worker of one core on each other
 * one.
 */
final class Standalone implements AutoCloseable {
  private static final int PORT = 7077;
  private static final Pattern MASTER_UP = Pattern.compile("Starting Spark master at");
  private static final Pattern WORKER_UP = Pattern.compile("Successfully registered with master");

  private final Installation spark;
  private final Node first;
  private final List<Submission> daemons = new ArrayList<>();

  private Standalone(Installation spark, Node first) {
    this.spark = spark;
    this.first = first;
  }

  /**
   * Where processes run.
   *
   * @param address that they listen on
   * @param prefix in front of their command lines
   */
  record Node(String address, List<String> prefix) {}

  /** On loopback, with {@code workers} workers. */
  static Standalone up(Installation spark, Path directory, int workers) throws Exception {
    return up(spark, directory, Collections.nCopies(workers + 1, new Node("127.0.0.1", List.of())));
  }

  /** On {@code nodes}, whose workers keep their files in {@code directory}. */
  static Standalone up(Installation spark, Path directory, List<Node> nodes) throws Exception {
    Standalone all = new Standalone(spark, nodes.get(0));
    try {
      all.master();
      for (int i = 1; i < nodes.size(); i++) {
        all.worker(nodes.get(i), directory.resolve("worker-" + i));
      }
      return all;
    } catch (Exception e) {
      all.close();
      throw e;
    }
  }

  private void master() throws IOException, InterruptedException {
    Submission master =
        daemon(
            first,
            List.of(
                "-Dspark.worker.timeout=15",
                "org.apache.spark.deploy.master.Master",
                "--host",
                first.address(),
                "--port",
                String.valueOf(PORT)));
    master.await(MASTER_UP, 0);
  }

  private void worker(Node node, Path directory) throws IOException, InterruptedException {
    Submission worker =
        daemon(
            node,
            List.of(
                "org.apache.spark.deploy.worker.Worker",
                "--host",
                node.address(),
                "--cores",
                "1",
                "--memory",
                "1g",
                "--work-dir",
                directory.toString(),
                url()));
    worker.await(WORKER_UP, 0);
  }

  private Submission daemon(Node node, List<String> arguments) throws IOException {
    Submission daemon = Submission.daemon(spark, node.prefix(), arguments);
    daemons.add(daemon);
    return daemon;
  }

  private String url() {
    return "spark://%s:%d".formatted(first.address(), PORT);
  }

  /** For {@code ranks} executors of one core. */
  Scene.Cluster executors(int ranks) {
    return new Scene.Cluster(
        url(),
        first.prefix(),
        List.of(
            "spark.driver.host=" + first.address(),
            "spark.driver.bindAddress=" + first.address(),
            "spark.executor.cores=1",
            "spark.cores.max=" + ranks));
  }

  @Override
  public void close() {
    daemons.forEach(Submission::close);
  }
}
