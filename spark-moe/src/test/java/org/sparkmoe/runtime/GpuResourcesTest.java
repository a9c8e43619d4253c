package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class GpuResourcesTest {

  @Test
  void missingSettingsAreNamedAllAtOnce() {
    SparkConf conf = new SparkConf(false).set("spark.task.resource.gpu.amount", "0.5");
    assertThat(GpuResources.problems(conf, 4))
        .containsExactly(
            "spark.task.resource.gpu.amount is 0.5, must be 1, one GPU for each rank, or not set",
            "spark.executor.resource.gpu.amount is not set, must be the GPUs of an executor, for"
                + " device.kind = cuda with 4 ranks",
            "spark.executor.resource.gpu.discoveryScript is not set, must be a script that"
                + " executors can run, such as conf/gpu-discovery.sh");
  }

  @Test
  void onStandaloneClustersWorkersMustOfferGpusToo() {
    assertThat(GpuResources.remedy("spark://host:7077"))
        .isEqualTo(
            ", or spark.executor.resource.gpu.amount: each rank takes a GPU; standalone workers"
                + " offer GPUs by spark.worker.resource.gpu.amount and"
                + " spark.worker.resource.gpu.discoveryScript");
    assertThat(GpuResources.remedy("yarn")).endsWith("each rank takes a GPU");
  }

  @Test
  @Timeout(300)
  void trainingTakesAGpuATaskWhileDataPreparationTakesEveryCore(@TempDir Path directory)
      throws IOException, InterruptedException {
    Path script = directory.resolve("discovery.sh");
    Files.writeString(script, "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"5\"]}'\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    // All that Spark asks of its home; the class path comes from this test.
    Files.createDirectory(directory.resolve("jars"));

    assertThat(allocation(directory, script).lines())
        .contains(
            "refused spark.executor.resource.gpu.amount is not set, must be the GPUs of an"
                + " executor, for device.kind = cuda with 2 ranks",
            "problems []",
            "gpus [5, 5]",
            "preparation 4",
            "training 2");
  }

  private static String allocation(Path sparkHome, Path script)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith("--add-opens"))
        .forEach(command::add);
    command.addAll(
        List.of(
            "-Xmx512m",
            "-cp",
            System.getProperty("java.class.path"),
            GpuAllocation.class.getName(),
            script.toString()));
    Path output = sparkHome.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(sparkHome.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile());
    builder.environment().put("SPARK_HOME", sparkHome.toString());
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    builder.environment().remove("CUDA_VISIBLE_DEVICES");
    Process process = builder.start();
    assertThat(process.waitFor(240, TimeUnit.SECONDS)).isTrue();
    return Files.readString(output, StandardCharsets.UTF_8);
  }
}
