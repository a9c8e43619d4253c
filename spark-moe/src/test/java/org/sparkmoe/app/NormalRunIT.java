package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a run on a cluster leaves behind: logs that alarm nobody, and its tab in a History Server.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NormalRunIT {
  private static final Path LOGGING =
      Path.of("src", "test", "resources", "logs-of-a-run.properties").toAbsolutePath();
  private static final Pattern RECORD =
      Pattern.compile("(TRACE|DEBUG|INFO|WARN|ERROR|FATAL) ([\\w.$]+): (.*)", Pattern.DOTALL);
  private static final int MOST_LINES = 100;

  private Path directory;
  private Path events;
  private String application;
  private String driver;
  private List<String> executors;

  /** A message, with all of its lines. */
  private record Message(String level, String logger, String text) {
    boolean isOurs() {
      return logger.startsWith("org.sparkmoe");
    }

    long lines() {
      return text.lines().count();
    }

    /** The same for messages that differ in numbers alone. */
    String withoutNumbers() {
      return logger + ": " + text.replaceAll("\\d+([.,]\\d+)*", "#");
    }
  }

  @BeforeAll
  void train(@TempDir Path directory) throws Exception {
    this.directory = directory;
    events = Files.createDirectory(directory.resolve("events"));
    String logging = "-Dlog4j2.configurationFile=file:" + LOGGING;
    List<String> options =
        List.of(
            "--conf",
            "spark.eventLog.enabled=true",
            "--conf",
            "spark.eventLog.dir=" + events.toUri(),
            "--conf",
            "spark.driver.defaultJavaOptions=" + logging,
            "--conf",
            "spark.executor.defaultJavaOptions=" + logging);
    List<String> arguments =
        TinyModel.train(
            directory.resolve("model"),
            "--set",
            "cluster.ranks=4",
            "--set",
            "cluster.ep=2",
            "--set",
            "train.steps=40",
            "--set",
            "checkpoint.every=10");
    try (SparkProcess job = SparkProcess.submit("local-cluster[2,2,1024]", options, arguments)) {
      assertThat(job.exitCode()).as(job.output()).isZero();
      driver = job.output();
    }
    try (Stream<Path> logs = Files.list(events)) {
      application =
          logs.map(log -> log.getFileName().toString().replaceFirst("^eventlog_v2_", ""))
              .findFirst()
              .orElseThrow();
    }
    executors = new ArrayList<>();
    Path work = SparkProcess.SPARK_HOME.resolve("work").resolve(application);
    try (Stream<Path> folders = Files.list(work)) {
      for (Path folder : folders.sorted().toList()) {
        executors.add(Files.readString(folder.resolve("stderr")));
      }
    }
  }

  private static List<Message> messages(String log) {
    List<Message> messages = new ArrayList<>();
    StringBuilder record = new StringBuilder();
    for (String line : (log + "\nINFO end: ").split("\n")) {
      if (RECORD.matcher(line).matches()) {
        RECORD
            .matcher(record.toString().stripTrailing())
            .results()
            .map(found -> new Message(found.group(1), found.group(2), found.group(3)))
            .forEach(messages::add);
        record.setLength(0);
      }
      record.append(line).append('\n');
    }
    return messages;
  }

  private List<String> logs() {
    List<String> logs = new ArrayList<>(executors);
    logs.add(driver);
    return logs;
  }

  @Test
  void nothingIsAlarming() {
    assertThat(executors).hasSize(2);
    for (String log : logs()) {
      assertThat(log).doesNotContain("Exception: ", "\n\tat ");
      assertThat(messages(log))
          .filteredOn(message -> !message.level().equals("INFO"))
          .as("messages above INFO")
          .allMatch(NormalRunIT::isSparksOwnHabit);
    }
  }

  /** Hadoop's native library is optional, and executors of a local cluster end by a signal. */
  private static boolean isSparksOwnHabit(Message message) {
    return message.logger().endsWith(".NativeCodeLoader")
        || message.text().startsWith("RECEIVED SIGNAL TERM");
  }

  @Test
  void ourCodeSaysLittleAndNothingTwice() {
    for (String log : logs()) {
      List<Message> ours = messages(log).stream().filter(Message::isOurs).toList();
      assertThat(ours.stream().mapToLong(Message::lines).sum())
          .as("lines of our code in\n%s", ours)
          .isLessThan(MOST_LINES);
      Map<String, Long> counts =
          ours.stream()
              .collect(Collectors.groupingBy(Message::withoutNumbers, Collectors.counting()));
      // Two ranks share an executor.
      assertThat(counts).allSatisfy((text, count) -> assertThat(count).as(text).isLessThan(3));
    }
  }

  @Test
  void aHistoryServerShowsTheTab() throws Exception {
    Path properties =
        Files.writeString(
            directory.resolve("history.properties"),
            "spark.history.fs.logDirectory=%s\nspark.history.ui.port=0\n"
                .formatted(events.toUri()));
    try (SparkProcess server =
        SparkProcess.daemonWithOurJar(
            "org.apache.spark.deploy.history.HistoryServer",
            List.of("--properties-file", properties.toString()),
            Pattern.compile("started at (http://\\S+)"))) {
      String root = server.await().group(1);
      String page = page(root + "/history/" + application + "/MoE/");
      assertThat(page)
          .contains("<td>40 of 40</td>", "tokens/s", "<td>fsmoe</td>")
          .contains("id=\"loss\"", "id=\"throughput\"", "id=\"expert-load\"", "id=\"timeline\"");
      assertThat(page(root + "/history/" + application + "/jobs/")).contains("/MoE/");
    }
  }

  /** The server reads the log when it is asked for the application, once it has found it. */
  private static String page(String address) throws IOException, InterruptedException {
    HttpClient client = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
    HttpRequest request = HttpRequest.newBuilder(URI.create(address)).build();
    HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
    for (int tries = 0; response.statusCode() == 404 && tries < 30; tries++) {
      Thread.sleep(1_000);
      response = client.send(request, HttpResponse.BodyHandlers.ofString());
    }
    assertThat(response.statusCode()).as(address).isEqualTo(200);
    return response.body();
  }
}
