package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A job whose driver and executor are processes that authenticate and encrypt. */
@Timeout(600)
class SecureTrainingTest {
  private static final Map<String, String> SPARK =
      Map.of(
          "spark.master", "local-cluster[1,2,1024]",
          "spark.ui.enabled", "false",
          "spark.authenticate", "true",
          "spark.authenticate.secret", "known to this test alone",
          "spark.network.crypto.enabled", "true",
          "spark.io.encryption.enabled", "true");

  @TempDir Path directory;

  @Test
  void trainingRunsWhereSparkAuthenticatesAndEncrypts() throws Exception {
    // All that Spark asks of its home; the class path comes from this test.
    Files.createDirectory(directory.resolve("jars"));
    Path model = directory.resolve("model");
    Path output = directory.resolve("output");

    Process job = start(arguments(model), output);
    try {
      assertThat(job.waitFor(540, TimeUnit.SECONDS)).isTrue();
    } finally {
      job.descendants().forEach(ProcessHandle::destroyForcibly);
      job.destroyForcibly();
    }

    String said = Files.readString(output);
    assertThat(job.exitValue()).as(said).isZero();
    assertThat(said)
        .contains(
            "warning: Spark's traffic is encrypted, but the tensors that ranks exchange by Gloo");
    assertThat(TinyModel.losses(model)).hasSize(4);
    assertThat(model.resolve("config.conf")).content().doesNotContain("known to this test alone");
  }

  private static List<String> arguments(Path model) {
    Path text = TinyModel.TEXT.resolve(Path.of("org", "sparkmoe", "conf"));
    return TinyModel.trainOn(text, model, "--set", "cluster.ranks=2");
  }

  private Process start(List<String> arguments, Path output) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("--add-opens"))
        .forEach(command::add);
    String classPath = System.getProperty("java.class.path");
    command.addAll(List.of("-Xmx512m", "-Djava.awt.headless=true"));
    command.add("-Dspark.executor.extraClassPath=" + classPath);
    SPARK.forEach((key, value) -> command.add("-D%s=%s".formatted(key, value)));
    command.addAll(List.of("-cp", classPath, SparkMoe.class.getName()));
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    builder.environment().put("SPARK_HOME", directory.toString());
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    return builder.start();
  }
}
