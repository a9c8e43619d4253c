package org.sparkmoe.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
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
  private static final String SECRET = "known to this test alone";

  @TempDir Path directory;

  @Test
  void trainingRunsWhereSparkAuthenticatesAndEncrypts() throws Exception {
    assertTrains(
        Map.of(
            "spark.authenticate", "true",
            "spark.authenticate.secret", SECRET,
            "spark.network.crypto.enabled", "true",
            "spark.io.encryption.enabled", "true"));
  }

  @Test
  void trainingRunsOverTls() throws Exception {
    String keys = keyStore().toString();
    assertTrains(
        Map.of(
            "spark.authenticate", "true",
            "spark.authenticate.secret", SECRET,
            "spark.ssl.rpc.enabled", "true",
            "spark.ssl.rpc.protocol", "TLSv1.3",
            "spark.ssl.rpc.keyStore", keys,
            "spark.ssl.rpc.keyStorePassword", SECRET,
            "spark.ssl.rpc.keyPassword", SECRET,
            "spark.ssl.rpc.trustStore", keys,
            "spark.ssl.rpc.trustStorePassword", SECRET));
  }

  /** A key and, for the other side, its certificate. */
  private Path keyStore() throws Exception {
    Path keys = directory.resolve("keys.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "spark",
                "-keyalg",
                "RSA",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=ip:127.0.0.1",
                "-storetype",
                "PKCS12",
                "-keystore",
                keys.toString(),
                "-storepass",
                SECRET)
            .redirectErrorStream(true)
            .start();
    String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(keytool.waitFor()).as(said).isZero();
    return keys;
  }

  private void assertTrains(Map<String, String> security) throws Exception {
    // All that Spark asks of its home; the class path comes from this test.
    Files.createDirectory(directory.resolve("jars"));
    Path model = directory.resolve("model");
    Path output = directory.resolve("output");

    Process job = start(security, arguments(model), output);
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
    assertThat(model.resolve("config.conf")).content().doesNotContain(SECRET);
  }

  private static List<String> arguments(Path model) {
    Path text = TinyModel.TEXT.resolve(Path.of("org", "sparkmoe", "conf"));
    return TinyModel.trainOn(text, model, "--set", "cluster.ranks=2");
  }

  private Process start(Map<String, String> security, List<String> arguments, Path output)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("--add-opens"))
        .forEach(command::add);
    String classPath = System.getProperty("java.class.path");
    command.addAll(List.of("-Xmx512m", "-Djava.awt.headless=true"));
    command.add("-Dspark.executor.extraClassPath=" + classPath);
    command.add("-Dspark.master=local-cluster[1,2,1024]");
    command.add("-Dspark.ui.enabled=false");
    security.forEach((key, value) -> command.add("-D%s=%s".formatted(key, value)));
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
