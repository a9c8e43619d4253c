package org.sparkmoe.faults;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What {@code mvn package} left for the JVMs of a job.
 *
 * @param root of the repository
 * @param classes class path with {@link FaultHook}, in front of the jar
 */
record Installation(Path root, String classes) {

  Installation {
    if (!Files.exists(root.resolve("spark-moe/target/spark-moe.jar"))) {
      throw new IllegalStateException(
          "spark-moe.jar is missing in %s: run mvn package".formatted(root));
    }
  }

  /** That which this class belongs to. */
  static Installation here() {
    Path root = Path.of(System.getProperty("sparkmoe.root", "..")).toAbsolutePath().normalize();
    String classes = root.resolve("spark-moe/target/test-classes").toString();
    return new Installation(root, System.getProperty("sparkmoe.classes", classes));
  }

  private Path sparkHome() {
    return root.resolve("spark-moe/target/spark-home");
  }

  Path jar() {
    return root.resolve("spark-moe/target/spark-moe.jar");
  }

  /** For drivers and executors: the hook and what it extends, by the same class loader. */
  String classPath() {
    return classes + ":" + jar();
  }

  Path tinyConf() {
    return root.resolve("spark-moe/src/test/resources/tiny.conf");
  }

  /** Text to train on. */
  Path text() {
    return root.resolve("spark-moe/src/main/java/org/sparkmoe/moe");
  }

  /** Options of JVMs that live for a minute and are started by the dozen. */
  static List<String> brief() {
    return List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");
  }

  /** Command line of a driver, up to its main class. */
  List<String> driver() {
    return java(
        "-Xmx1g",
        "-Dlog4j2.configurationFile=" + root.resolve("conf/log4j2.properties"),
        "-cp",
        classPath() + ":" + sparkHome() + "/jars/*");
  }

  /** Command line of a master or worker, up to its main class. */
  List<String> daemon() {
    return java("-Xmx256m", "-cp", sparkHome() + "/jars/*");
  }

  private List<String> java(String... more) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("@" + root.resolve("conf/jvm.options"));
    command.addAll(brief());
    command.addAll(List.of(more));
    return command;
  }

  Map<String, String> environment() {
    return Map.of(
        "SPARK_HOME",
        sparkHome().toString(),
        "SPARK_SCALA_VERSION",
        "2.13",
        "SPARK_LOCAL_IP",
        "127.0.0.1");
  }
}
