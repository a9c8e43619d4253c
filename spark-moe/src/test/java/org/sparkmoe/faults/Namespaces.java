package org.sparkmoe.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A standalone cluster over network namespaces of {@code benchmarks/testbed/testbed}: master and
 * driver on node 0, a worker of one core on each other node. Needs root.
 */
final class Namespaces implements AutoCloseable {
  private static final String MASTER = "spark://10.77.0.1:7077";
  private static final Pattern MASTER_UP = Pattern.compile("Starting Spark master at");
  private static final Pattern WORKER_UP = Pattern.compile("Successfully registered with master");
  private static final String PREFIX = "sparkmoe-";

  private final Path testbed;
  private final List<Submission> daemons = new ArrayList<>();

  private Namespaces(Path testbed) {
    this.testbed = testbed;
  }

  /** Starts a cluster of {@code workers} workers. */
  static Namespaces up(Installation spark, Path directory, int workers) throws Exception {
    Namespaces all = new Namespaces(spark.root().resolve("benchmarks/testbed/testbed"));
    try {
      Shell.run("env", "NODES=" + (workers + 1), all.testbed.toString(), "up");
      Submission master =
          all.daemon(
              spark,
              0,
              List.of(
                  "-Dspark.worker.timeout=15",
                  "org.apache.spark.deploy.master.Master",
                  "--host",
                  address(0),
                  "--port",
                  "7077"));
      master.await(MASTER_UP, 0);
      for (int node = 1; node <= workers; node++) {
        Submission worker =
            all.daemon(
                spark,
                node,
                List.of(
                    "org.apache.spark.deploy.worker.Worker",
                    "--host",
                    address(node),
                    "--cores",
                    "1",
                    "--memory",
                    "1g",
                    "--work-dir",
                    directory.resolve("worker-" + node).toString(),
                    MASTER));
        worker.await(WORKER_UP, 0);
      }
      return all;
    } catch (Exception e) {
      all.close();
      throw e;
    }
  }

  private Submission daemon(Installation spark, int node, List<String> arguments)
      throws IOException {
    Submission daemon = Submission.daemon(spark, prefix(node), arguments);
    daemons.add(daemon);
    return daemon;
  }

  static String address(int node) {
    return "10.77.0." + (node + 1);
  }

  private static List<String> prefix(int node) {
    return List.of("ip", "netns", "exec", PREFIX + node);
  }

  /** For {@code ranks} executors of one core. */
  static Scene.Cluster cluster(int ranks) {
    return new Scene.Cluster(
        MASTER,
        prefix(0),
        List.of(
            "spark.driver.host=" + address(0),
            "spark.driver.bindAddress=" + address(0),
            "spark.executor.cores=1",
            "spark.cores.max=" + ranks));
  }

  /** The node that {@code process} runs on. */
  static int node(ProcessHandle process) throws IOException, InterruptedException {
    Process identify =
        new ProcessBuilder("ip", "netns", "identify", String.valueOf(process.pid())).start();
    String name =
        new String(identify.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    identify.waitFor();
    return Integer.parseInt(name.substring(PREFIX.length()));
  }

  /** Takes {@code node} off the network. */
  static void cut(int node) throws IOException, InterruptedException {
    Shell.run("ip", "-n", PREFIX + "switch", "link", "set", "port" + node, "down");
  }

  /** Lets nothing pass from {@code node} to {@code other}, or all again. */
  static void split(int node, int other, boolean cut) throws IOException, InterruptedException {
    Shell.run(
        "ip",
        "-n",
        PREFIX + node,
        "route",
        cut ? "add" : "del",
        "blackhole",
        address(other) + "/32");
  }

  @Override
  public void close() throws Exception {
    daemons.forEach(Submission::close);
    Shell.run(testbed.toString(), "down");
  }
}
