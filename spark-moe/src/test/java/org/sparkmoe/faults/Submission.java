package org.sparkmoe.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A JVM of Spark's, whose lines are kept with the time at which they came. */
final class Submission implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(15);
  private static final String EXECUTOR = "CoarseGrainedExecutorBackend";

  /**
   * A line of output.
   *
   * @param nanos of {@link System#nanoTime}
   */
  record Line(long nanos, String text) {}

  private final Process process;
  private final String mark;
  private final List<Line> lines = new ArrayList<>();
  private boolean over;

  /**
   * @param mark is in the command line of each executor
   */
  private Submission(Process process, String mark) {
    this.process = process;
    this.mark = mark;
    Thread reader = new Thread(this::read, "submission");
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * Starts a class of Spark's.
   *
   * @param prefix in front of {@code java}, for example {@code ip netns exec NAME}
   * @param mark is in the command line of each executor
   */
  static Submission start(
      Installation spark, List<String> prefix, String mark, List<String> arguments)
      throws IOException {
    return new Submission(start(spark, spark.driver(), prefix, arguments), mark);
  }

  /** Starts a master or a worker, which tells all that it does. */
  static Submission daemon(Installation spark, List<String> prefix, List<String> arguments)
      throws IOException {
    return new Submission(start(spark, spark.daemon(), prefix, arguments), "none");
  }

  private static Process start(
      Installation spark, List<String> java, List<String> prefix, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(java);
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(spark.environment());
    if (!prefix.isEmpty()) {
      // Not loopback, which is another one in each namespace.
      builder.environment().remove("SPARK_LOCAL_IP");
    }
    return builder.start();
  }

  private void read() {
    try (var in = process.inputReader()) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        synchronized (this) {
          lines.add(new Line(System.nanoTime(), line));
          notifyAll();
        }
      }
    } catch (IOException e) {
      // The process is gone.
    }
    synchronized (this) {
      over = true;
      notifyAll();
    }
  }

  /** Waits for a line with {@code pattern} that came at {@code since} or later. */
  synchronized Matcher await(Pattern pattern, long since) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      Optional<Line> line = first(pattern, since);
      if (line.isPresent()) {
        Matcher matcher = pattern.matcher(line.get().text());
        matcher.find();
        return matcher;
      }
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (over || left <= 0) {
        throw new IllegalStateException("no line with " + pattern + " in\n" + output());
      }
      wait(left);
    }
  }

  /** The first line with {@code pattern} that came at {@code since} or later. */
  synchronized Optional<Line> first(Pattern pattern, long since) {
    return lines.stream()
        .filter(line -> line.nanos() >= since && pattern.matcher(line.text()).find())
        .findFirst();
  }

  synchronized String output() {
    return String.join("\n", lines.stream().map(Line::text).toList());
  }

  int exitCode() throws InterruptedException {
    if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new IllegalStateException("the process does not end:\n" + output());
    }
    synchronized (this) {
      while (!over) {
        wait(PATIENCE.toMillis());
      }
    }
    return process.exitValue();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Number of lines with {@code regex}. */
  synchronized long count(String regex) {
    Pattern pattern = Pattern.compile(regex);
    return lines.stream().filter(line -> pattern.matcher(line.text()).find()).count();
  }

  long pid() {
    return process.pid();
  }

  /** Executors of this job that are alive, the oldest first. */
  List<ProcessHandle> executors() {
    return ProcessHandle.allProcesses()
        .filter(ProcessHandle::isAlive)
        .filter(commandLine(EXECUTOR).and(commandLine(mark)))
        .sorted()
        .toList();
  }

  private static Predicate<ProcessHandle> commandLine(String part) {
    return handle -> {
      try {
        // ProcessHandle knows only the first page of it.
        return Files.readString(Path.of("/proc", String.valueOf(handle.pid()), "cmdline"))
            .contains(part);
      } catch (IOException e) {
        return false;
      }
    };
  }

  @Override
  public void close() {
    executors().forEach(ProcessHandle::destroyForcibly);
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
