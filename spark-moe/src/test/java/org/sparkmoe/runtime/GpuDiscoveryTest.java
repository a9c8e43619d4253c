package org.sparkmoe.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code conf/gpu-discovery.sh}, with an nvidia-smi of the test's own. */
class GpuDiscoveryTest {
  private record Found(int exitCode, String text) {}

  @TempDir private Path directory;

  @Test
  void entriesOfTheVariableAreTheAddresses() throws Exception {
    assertThat(discover(Map.of("CUDA_VISIBLE_DEVICES", "2,GPU-5"), "exit 1"))
        .isEqualTo(new Found(0, "{\"name\": \"gpu\", \"addresses\": [\"2\",\"GPU-5\"]}\n"));
  }

  @Test
  void withoutTheVariableTheDriversNumbersAre() throws Exception {
    assertThat(discover(Map.of(), "echo 0; echo 1"))
        .isEqualTo(new Found(0, "{\"name\": \"gpu\", \"addresses\": [\"0\",\"1\"]}\n"));
  }

  @Test
  void machineWithoutGpusIsToldOfAndNotOfferedAsOneWithNone() throws Exception {
    for (String driver : new String[] {"exit 127", "exit 0"}) {
      Found found = discover(Map.of(), driver);
      assertThat(found.exitCode()).isEqualTo(1);
      assertThat(found.text())
          .contains("nvidia-smi lists no GPU: install the NVIDIA driver on ")
          .doesNotContain("addresses");
    }
  }

  private Found discover(Map<String, String> environment, String driver)
      throws IOException, InterruptedException {
    Path tool = directory.resolve("nvidia-smi");
    Files.writeString(tool, "#!/bin/sh\n" + driver + "\n");
    Files.setPosixFilePermissions(tool, PosixFilePermissions.fromString("rwx------"));
    ProcessBuilder builder =
        new ProcessBuilder("../conf/gpu-discovery.sh").redirectErrorStream(true);
    builder.environment().remove("CUDA_VISIBLE_DEVICES");
    builder.environment().putAll(environment);
    builder.environment().merge("PATH", directory + ":", (path, mine) -> mine + path);
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Found(process.waitFor(), text);
  }
}
