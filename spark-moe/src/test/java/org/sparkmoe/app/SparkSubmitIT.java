package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same job by spark-submit on the kinds of cluster that one machine can hold. */
class SparkSubmitIT {
  private static final String[] FOUR_RANKS = {
    "--set",
    "cluster.ranks=4",
    "--set",
    "cluster.ep=2",
    "--set",
    "cluster.esp=2",
    "--set",
    "cluster.ranks-per-node=2"
  };

  @TempDir private Path directory;

  private List<Double> train(String master) throws Exception {
    Path model = directory.resolve(master.replaceAll("\\W+", "-"));
    try (SparkProcess job = SparkProcess.submit(master, TinyModel.train(model, FOUR_RANKS))) {
      assertThat(job.exitCode()).as(job.output()).isZero();
      assertThat(job.output()).contains("bits per byte; byte trigram with back-off: ");
    }
    return TinyModel.losses(model);
  }

  @Test
  void everyKindOfClusterTrainsTheSameModel() throws Exception {
    List<Double> losses = train("local[4]");
    assertThat(losses).hasSize(4);
    assertThat(train("local-cluster[2,2,1024]")).isEqualTo(losses);
    assertThat(trainOnStandaloneCluster()).isEqualTo(losses);
  }

  private List<Double> trainOnStandaloneCluster() throws Exception {
    try (SparkProcess master =
        SparkProcess.daemon(
            "org.apache.spark.deploy.master.Master",
            List.of("--host", "127.0.0.1", "--port", "0", "--webui-port", "0"),
            Pattern.compile("Starting Spark master at (spark://\\S+)"))) {
      String url = master.await().group(1);
      try (SparkProcess first = worker("first", url);
          SparkProcess second = worker("second", url)) {
        first.await();
        second.await();
        return train(url);
      }
    }
  }

  private SparkProcess worker(String name, String master) throws Exception {
    return SparkProcess.daemon(
        "org.apache.spark.deploy.worker.Worker",
        List.of(
            "--host",
            "127.0.0.1",
            "--cores",
            "2",
            "--memory",
            "1g",
            "--webui-port",
            "0",
            "--work-dir",
            directory.resolve(name).toString(),
            master),
        Pattern.compile("Successfully registered with master"));
  }
}
