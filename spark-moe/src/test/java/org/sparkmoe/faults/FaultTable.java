package org.sparkmoe.faults;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Brings faults on training, each in JVMs of its own, and prints a table in Markdown. */
public final class FaultTable {
  private static final int RANKS = 2;

  private final Installation spark;
  private final Path directory;
  private final FaultRun.Reference reference;
  private boolean expected = true;

  private FaultTable(Installation spark, Path directory, FaultRun.Reference reference) {
    this.spark = spark;
    this.directory = directory;
    this.reference = reference;
  }

  /**
   * @param args words of {@link Faults}, {@link WorkerFaults} and {@link NetworkFaults}; none for
   *     all
   */
  public static void main(String[] args) throws Exception {
    Installation spark = Installation.here();
    Path directory = Files.createTempDirectory("spark-moe-faults-");
    Map<String, Fault> local = Faults.all();
    Map<String, Fault> workers = WorkerFaults.all();
    Map<String, Fault> network = NetworkFaults.all();
    List<String> chosen = new ArrayList<>(List.of(args));
    if (chosen.isEmpty()) {
      chosen.addAll(local.keySet());
      chosen.addAll(workers.keySet());
      chosen.addAll(network.keySet());
    }
    System.err.println("outputs: " + directory);
    Scene.Cluster cluster = Scene.Cluster.local(RANKS);
    FaultRun.Reference reference =
        FaultRun.undisturbed(
            new Scene(spark, cluster, directory.resolve("undisturbed")), FaultRun.SETTINGS);
    FaultTable table = new FaultTable(spark, directory, reference);
    System.out.println(
        "| fault | then | detected s | ended s | from step | same loss curve | exit | as it should |");
    System.out.println("|---|---|---|---|---|---|---|---|");
    for (String word : chosen) {
      Path files = directory.resolve(word + "-workers");
      if (local.containsKey(word)) {
        table.row(word, local.get(word), cluster);
      } else if (workers.containsKey(word)) {
        try (Standalone standalone = Standalone.up(spark, files, RANKS)) {
          table.row(word, workers.get(word), standalone.executors(RANKS));
        }
      } else if (network.containsKey(word)) {
        try (Namespaces namespaces = Namespaces.up(spark, files, RANKS + 1)) {
          table.row(word, network.get(word), namespaces.cluster().executors(RANKS));
        }
      } else {
        throw new IllegalArgumentException(
            "%s is none of %s, %s, %s"
                .formatted(word, local.keySet(), workers.keySet(), network.keySet()));
      }
    }
    if (!table.expected) {
      System.exit(1);
    }
  }

  private void row(String word, Fault fault, Scene.Cluster cluster) throws Exception {
    Scene.Cluster own = cluster;
    for (String property : fault.properties()) {
      own = own.with(property);
    }
    FaultRun run = new FaultRun(new Scene(spark, own, directory.resolve(word)), fault);
    FaultRun.Result result = run.against(reference);
    System.out.println(run.row(result));
    System.err.println(word + ": " + result.cause());
    expected &= result.expected();
  }
}
