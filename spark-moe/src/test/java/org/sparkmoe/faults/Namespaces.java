package org.sparkmoe.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A standalone cluster over network namespaces of {@code benchmarks/testbed/testbed}: master and
 * driver on node 0, a worker of one core on each other node. Needs root.
 */
final class Namespaces implements AutoCloseable {
  private static final String PREFIX = "sparkmoe-";

  private final Path testbed;
  private final Standalone cluster;

  private Namespaces(Path testbed, Standalone cluster) {
    this.testbed = testbed;
    this.cluster = cluster;
  }

  /** Starts a cluster of {@code workers} workers. */
  static Namespaces up(Installation spark, Path directory, int workers) throws Exception {
    Path testbed = spark.root().resolve("benchmarks/testbed/testbed");
    Shell.run("env", "NODES=" + (workers + 1), testbed.toString(), "up");
    try {
      List<Standalone.Node> nodes = new ArrayList<>();
      for (int node = 0; node <= workers; node++) {
        nodes.add(
            new Standalone.Node(address(node), List.of("ip", "netns", "exec", PREFIX + node)));
      }
      return new Namespaces(testbed, Standalone.up(spark, directory, nodes));
    } catch (Exception e) {
      Shell.run(testbed.toString(), "down");
      throw e;
    }
  }

  private static String address(int node) {
    return "10.77.0." + (node + 1);
  }

  Standalone cluster() {
    return cluster;
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
    cluster.close();
    Shell.run(testbed.toString(), "down");
  }
}
