package org.sparkmoe.faults;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The faults that need one machine and no privileges but a mount. */
final class Faults {
  private static final String UI_PORT = "4077";
  private static final Pattern ENDING = Pattern.compile("ending all ranks");

  private Faults() {}

  /** By the word that chooses them, in the order of the table. */
  static Map<String, Fault> all() {
    Map<String, Fault> all = new LinkedHashMap<>();
    processes(all);
    ranks(all);
    files(all);
    endings(all);
    refusals(all);
    return all;
  }

  private static void processes(Map<String, Fault> all) {
    all.put(
        "sigkill",
        Fault.of(
            "executor gets SIGKILL",
            Fault.Ending.RESTARTS,
            (scene, job) -> {
              Scene.awaitCheckpoint(job);
              return signal("KILL", job);
            }));
    all.put(
        "sigstop",
        Fault.of(
            "executor gets SIGSTOP",
            Fault.Ending.RESTARTS,
            (scene, job) -> {
              Scene.awaitCheckpoint(job);
              return signal("STOP", job);
            }));
    all.put(
        "checkpointing",
        Fault.of(
            "executor lost while a checkpoint is written",
            Fault.Ending.RESTARTS,
            (scene, job) -> {
              Scene.awaitCheckpoint(job);
              // Found before, because looking for processes takes longer than writing.
              ProcessHandle last = last(job);
              while (!hasAside(scene.checkpoints())) {
                Thread.onSpinWait();
              }
              long now = System.nanoTime();
              last.destroyForcibly();
              return now;
            }));
  }

  private static long signal(String name, Submission job) throws Exception {
    ProcessHandle executor = last(job);
    long now = System.nanoTime();
    Scene.signal(name, executor.pid());
    return now;
  }

  private static ProcessHandle last(Submission job) {
    List<ProcessHandle> executors = job.executors();
    return executors.get(executors.size() - 1);
  }

  private static boolean hasAside(Path checkpoints) throws IOException {
    try (Stream<Path> all = Files.list(checkpoints)) {
      return all.anyMatch(path -> path.getFileName().toString().startsWith(".writing-"));
    }
  }

  private static void ranks(Map<String, Fault> all) {
    all.put("exception", ordered("exception in a rank", "throw", Fault.Ending.RESTARTS));
    all.put("memory", ordered("OutOfMemoryError in a rank", "memory", Fault.Ending.RESTARTS));
    all.put("hang", ordered("a rank hangs, deaf to interrupts", "hang", Fault.Ending.RESTARTS));
    all.put("slow", ordered("a rank is 4 s late", "sleep 4000", Fault.Ending.UNHARMED));
  }

  private static Fault ordered(String name, String order, Fault.Ending ending) {
    return Fault.of(
        name,
        ending,
        (scene, job) -> {
          Scene.awaitCheckpoint(job);
          long now = System.nanoTime();
          scene.order(1, order);
          return now;
        });
  }

  private static void files(Map<String, Fault> all) {
    all.put(
        "corrupt",
        Fault.of(
            "byte of the newest checkpoint changed, then executor lost",
            Fault.Ending.RESTARTS,
            (scene, job) -> {
              spoilNewest(scene, job, (file, old) -> file.write(old ^ 1));
              return signal("KILL", job);
            }));
    all.put(
        "truncated",
        Fault.of(
            "newest checkpoint cut short, then executor lost",
            Fault.Ending.RESTARTS,
            (scene, job) -> {
              spoilNewest(scene, job, (file, old) -> file.setLength(file.getFilePointer()));
              return signal("KILL", job);
            }));
    all.put(
        "disk",
        Fault.of(
                "disk of the checkpoints full, freed after the failure",
                Fault.Ending.RESTARTS,
                Faults::fillDisk)
            .in(Surroundings.smallDisk()));
  }

  @FunctionalInterface
  private interface Spoiling {
    /** The file stands before the byte {@code old}. */
    void spoil(RandomAccessFile file, int old) throws IOException;
  }

  /** Two checkpoints must be there, and both ranks stand still so that no third one comes. */
  private static void spoilNewest(Scene scene, Submission job, Spoiling spoiling) throws Exception {
    Scene.awaitCheckpoint(job);
    Scene.awaitCheckpoint(job);
    scene.order(0, "sleep 3000");
    scene.order(1, "sleep 3000");
    scene.awaitObeyed();
    try (RandomAccessFile file = new RandomAccessFile(scene.newestShard().toFile(), "rw")) {
      file.seek(file.length() * 3 / 4);
      long place = file.getFilePointer();
      int old = file.read();
      file.seek(place);
      spoiling.spoil(file, old);
    }
  }

  private static long fillDisk(Scene scene, Submission job) throws Exception {
    Scene.awaitCheckpoint(job);
    Path filler = scene.checkpoints().resolve(".filler");
    long now = System.nanoTime();
    try (var out = Files.newOutputStream(filler)) {
      byte[] block = new byte[1 << 12];
      while (true) {
        out.write(block);
      }
    } catch (IOException full) {
      // As intended.
    }
    job.await(ENDING, now);
    Files.delete(filler);
    return now;
  }

  private static void endings(Map<String, Fault> all) {
    all.put(
        "sigterm",
        Fault.of(
            "driver gets SIGTERM",
            Fault.Ending.STOPS,
            (scene, job) -> {
              Scene.awaitCheckpoint(job);
              long now = System.nanoTime();
              Scene.signal("TERM", job.pid());
              return now;
            }));
    all.put(
        "driver",
        Fault.of(
            "driver gets SIGKILL",
            Fault.Ending.DIES,
            (scene, job) -> {
              Scene.awaitCheckpoint(job);
              long now = System.nanoTime();
              Scene.signal("KILL", job.pid());
              return now;
            }));
    all.put(
        "stage",
        Fault.of("job killed in Spark's UI", Fault.Ending.STOPS, Faults::killJobs)
            .withSpark(List.of("spark.ui.enabled=true", "spark.ui.port=" + UI_PORT)));
  }

  /** Kills by the link of the UI every job that runs. */
  private static long killJobs(Scene scene, Submission job) throws Exception {
    Scene.awaitCheckpoint(job);
    HttpClient http = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).build();
    String ui = "http://127.0.0.1:" + UI_PORT;
    String jobs = get(http, ui + "/jobs/");
    long now = System.nanoTime();
    Pattern.compile("/jobs/job/kill/\\?id=(\\d+)")
        .matcher(jobs)
        .results()
        .map(match -> match.group(1))
        .distinct()
        .forEach(id -> post(http, ui + "/jobs/job/kill/?id=" + id));
    return now;
  }

  private static String get(HttpClient http, String url) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(url)).build();
    return http.send(request, HttpResponse.BodyHandlers.ofString()).body();
  }

  private static void post(HttpClient http, String url) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.noBody()).build();
    http.sendAsync(request, HttpResponse.BodyHandlers.discarding()).join();
  }

  private static void refusals(Map<String, Fault> all) {
    all.put(
        "data",
        Fault.of(
            "data removed, then all executors lost",
            Fault.Ending.FAILS,
            (scene, job) -> {
              Scene.awaitCheckpoint(job);
              Shell.run("rm", "-r", scene.text().toString());
              long now = System.nanoTime();
              // One that is left may still hold all that Spark prepared.
              job.executors().forEach(ProcessHandle::destroyForcibly);
              return now;
            }));
    all.put(
        "address",
        Fault.of(
                "ranks told to listen on another machine's address",
                Fault.Ending.FAILS,
                (scene, job) -> System.nanoTime())
            .with(List.of("cluster.bind-address=203.0.113.1")));
    all.put(
        "finite",
        Fault.of(
                "learning rate too high: no finite gradient",
                Fault.Ending.FAILS,
                (scene, job) -> System.nanoTime())
            .with(List.of("train.learning-rate=1e30", "train.max-skipped-steps=3")));
  }
}
