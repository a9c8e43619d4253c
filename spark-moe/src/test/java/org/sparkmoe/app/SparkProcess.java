package org.sparkmoe.app;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A JVM of Spark's own, started from the jars in {@code target/spark-home}, on loopback. */
final class SparkProcess implements AutoCloseable {
  static final Path SPARK_HOME = Path.of("target", "spark-home").toAbsolutePath();
  static final Path JAR = Path.of("target", "spark-moe.jar").toAbsolutePath();
  private static final String JARS = SPARK_HOME + "/jars/*";
  private static final Path OPTIONS = Path.of("..", "conf", "jvm.options").toAbsolutePath();

  private final Process process;
  private final StringBuffer output = new StringBuffer();
  private final Thread reader;
  private final CompletableFuture<MatchResult> match = new CompletableFuture<>();

  private SparkProcess(
      String classPath, String mainClass, List<String> arguments, @Nullable Pattern awaited)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + OPTIONS,
                "-Xmx1g",
                "-cp",
                classPath,
                mainClass));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("SPARK_HOME", SPARK_HOME.toString());
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    process = builder.start();
    reader = new Thread(() -> read(awaited), mainClass);
    reader.setDaemon(true);
    reader.start();
  }

  /** {@code spark-submit} of the command line, with the jar that every JVM of this machine has. */
  static SparkProcess submit(String master, List<String> arguments) throws IOException {
    return submit(master, List.of(), arguments);
  }

  /** The same, with options of {@code spark-submit} itself. */
  static SparkProcess submit(String master, List<String> options, List<String> arguments)
      throws IOException {
    List<String> all = new ArrayList<>(options);
    all.addAll(
        List.of(
            "--master",
            master,
            "--driver-java-options",
            "-Djava.awt.headless=true",
            "--conf",
            "spark.ui.enabled=false",
            "--conf",
            "spark.executor.memory=1g",
            "--class",
            "org.sparkmoe.app.SparkMoe",
            "local:" + JAR));
    all.addAll(arguments);
    return submit(all);
  }

  /** {@code spark-submit} with all its arguments. */
  static SparkProcess submit(List<String> arguments) throws IOException {
    return new SparkProcess(JARS, "org.apache.spark.deploy.SparkSubmit", arguments, null);
  }

  /** A standalone daemon, which is up when {@code awaited} appears in what it prints. */
  static SparkProcess daemon(String mainClass, List<String> arguments, Pattern awaited)
      throws IOException {
    return new SparkProcess(JARS, mainClass, arguments, awaited);
  }

  /** The same with our jar on its class path. */
  static SparkProcess daemonWithOurJar(String mainClass, List<String> arguments, Pattern awaited)
      throws IOException {
    return new SparkProcess(JAR + File.pathSeparator + JARS, mainClass, arguments, awaited);
  }

  private void read(@Nullable Pattern awaited) {
    try (var lines = process.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        output.append(line).append('\n');
        if (awaited != null && awaited.matcher(line).find()) {
          awaited.matcher(line).results().findFirst().ifPresent(match::complete);
        }
      }
      match.completeExceptionally(new IllegalStateException("the process ended:\n" + output));
    } catch (IOException e) {
      match.completeExceptionally(e);
    }
  }

  /** What the awaited pattern matched. */
  MatchResult await() throws Exception {
    return match.get(3, TimeUnit.MINUTES);
  }

  /** Waits for the end; returns the exit code. */
  int exitCode() throws InterruptedException {
    if (!process.waitFor(10, TimeUnit.MINUTES)) {
      throw new IllegalStateException("the process does not end:\n" + output);
    }
    reader.join();
    return process.exitValue();
  }

  String output() {
    return output.toString();
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  static {
    if (!Files.exists(JAR)) {
      throw new IllegalStateException(JAR + " is not there: integration tests run after package");
    }
  }
}
